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

// standIn is a stand-in for Miestro, and a configuration that points to it. For the
// real one leave the base URL as it is, and give your keys.
func standIn() (c miestro.Config, end func()) {
	stands, err := sandbox.New(sandbox.Config{})
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(stands.Handler())
	c = miestro.Defaults()
	c.BaseURL = stands.BaseURLs(strings.TrimPrefix(server.URL, "http://"))["miestro"]
	c.APIKey, c.APISecret = sandbox.MiestroAPIKey, sandbox.MiestroAPISecret
	return c, server.Close
}

// The adapter does what events ask: it looks, and makes an account where there is none.
func ExampleNew() {
	c, end := standIn()
	defer end()
	adapter, err := miestro.New(c)
	if err != nil {
		fmt.Println(err) // which names all that is missing
		return
	}
	ctx, who := context.Background(), vendors.User{ID: "ada", Email: "ada@example.org", FirstName: "Ada", LastName: "Example"}
	_, err = adapter.Find(ctx, who)
	fmt.Println("there:", !errors.Is(err, vendors.ErrNotFound))
	account, err := adapter.Create(ctx, vendors.Origin{}, who)
	fmt.Println("made:", account.ID, err)
	found, err := adapter.Find(ctx, who)
	fmt.Println("there:", found.ID == account.ID, err)
	// Output:
	// there: false
	// made: 1 <nil>
	// there: true <nil>
}

// The API has one method for each documented call.
func ExampleNewAPI() {
	c, end := standIn()
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
