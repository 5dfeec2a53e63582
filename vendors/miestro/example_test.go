package miestro_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http/httptest"
	"strings"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/miestro"
	"github.com/usherhq/usher/vendors/sandbox"
)

// fakeVendor returns the configuration for a fake Miestro. For the real Miestro, keep the default
// base URL and set your keys.
func fakeVendor() (miestro.Config, func()) {
	stands, err := sandbox.New(sandbox.Config{})
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(stands.Handler())
	c := miestro.Defaults()
	c.BaseURL = stands.BaseURLs(strings.TrimPrefix(server.URL, "http://"))["miestro"]
	c.APIKey, c.APISecret = sandbox.MiestroAPIKey, sandbox.MiestroAPISecret
	return c, server.Close
}

// The adapter implements the ports: look up a user, and create a missing account.
func ExampleNew() {
	c, end := fakeVendor()
	defer end()
	adapter, err := miestro.New(c)
	if err != nil {
		fmt.Println(err) // names all missing settings
		return
	}
	ctx, ada := context.Background(), vendors.User{ID: "ada", Email: "ada@example.org", FirstName: "Ada", LastName: "Example"}
	_, err = adapter.Find(ctx, ada)
	fmt.Println("there:", !errors.Is(err, vendors.ErrNotFound))
	account, err := adapter.Create(ctx, vendors.Origin{}, ada)
	fmt.Println("made:", account.ID, err)
	found, err := adapter.Find(ctx, ada)
	fmt.Println("there:", found.ID == account.ID, err)
	// Output:
	// there: false
	// made: 1 <nil>
	// there: true <nil>
}

// The API has one method for each documented call.
func ExampleNewAPI() {
	c, end := fakeVendor()
	defer end()
	api := miestro.NewAPI(c)
	page, err := api.ListUsers(context.Background(), miestro.Query{Search: "ada"})
	fmt.Println(len(page.Data), err)

	c.APISecret = sandbox.WrongCredential
	_, err = miestro.NewAPI(c).ListUsers(context.Background(), miestro.Query{})
	if failure, ok := errors.AsType[*vendors.Error](err); ok {
		fmt.Println(failure.Op, failure.Status, failure.Class)
	}
	// Output:
	// 0 <nil>
	// list users 401 unusable
}
