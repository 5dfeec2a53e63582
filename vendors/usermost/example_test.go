package usermost_test

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"
	"strings"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/usermost"
)

// fakeVendor returns the configuration for a fake Usermost. For the real Usermost, set the base URL and your
// credentials.
func fakeVendor() (usermost.Config, func()) {
	box, err := sandbox.New(sandbox.Config{})
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(box.Handler())
	c := usermost.Defaults()
	c.BaseURL = box.BaseURLs(strings.TrimPrefix(server.URL, "http://"))["usermost"]
	c.LicenseCode, c.APIKey = sandbox.UsermostLicenseCode, sandbox.UsermostAPIKey
	return c, server.Close
}

// The adapter implements the ports. Creating a user returns the account.
func ExampleNew() {
	c, end := fakeVendor()
	defer end()
	adapter, err := usermost.New(c)
	if err != nil {
		fmt.Println(err) // names all missing settings
		return
	}
	fmt.Println("credentials:", adapter.Check(context.Background()))
	ada := vendors.User{ID: "ada", Email: "ada@example.org", FirstName: "Ada", LastName: "Example"}
	account, err := adapter.Create(context.Background(), vendors.Origin{Key: "0123456789abcdef0123456789abcdef"}, ada)
	fmt.Println("created:", account.ID != "", err)
	// Output:
	// credentials: <nil>
	// created: true <nil>
}

// The API has one method for each documented call.
func ExampleNewAPI() {
	c, end := fakeVendor()
	defer end()
	api := usermost.NewAPI(c)
	answer, err := api.UpsertUser(context.Background(), usermost.User{UserID: "ada", FirstName: "Ada"}, "")
	fmt.Println(answer.Status, err)
	// Output: success <nil>
}

// All missing settings are reported at once.
func ExampleConfig_Validate() {
	c, end := fakeVendor()
	defer end()
	fmt.Println(c.Validate())
	c.APIKey = ""
	fmt.Println(c.Validate())
	// Output:
	// <nil>
	// usermost: api_key is missing; set api_key
}
