package magloft_test

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"
	"strings"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/magloft"
	"github.com/usherhq/usher/vendors/sandbox"
)

// fakeVendor returns the configuration for a fake MagLoft. For the real MagLoft, set the base URL and your
// credentials.
func fakeVendor() (magloft.Config, func()) {
	box, err := sandbox.New(sandbox.Config{})
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(box.Handler())
	c := magloft.Defaults()
	c.BaseURL = box.BaseURLs(strings.TrimPrefix(server.URL, "http://"))["magloft"]
	c.AccessToken = sandbox.MagLoftAccessToken
	c.Mode = magloft.ModeReaders
	c.AppID = sandbox.MagLoftAppID
	return c, server.Close
}

// The adapter implements the ports. Creating a user returns the account.
func ExampleNew() {
	c, end := fakeVendor()
	defer end()
	adapter, err := magloft.New(c)
	if err != nil {
		fmt.Println(err) // names all missing settings
		return
	}
	fmt.Println("credentials:", adapter.Check(context.Background()))
	ada := vendors.User{ID: "ada", Email: "ada@example.org", FirstName: "Ada", LastName: "Example"}
	account, err := adapter.(vendors.Provisioner).Create(context.Background(), vendors.Origin{Key: "0123456789abcdef0123456789abcdef"}, ada)
	fmt.Println("created:", account.ID != "", err)
	// Output:
	// credentials: <nil>
	// created: true <nil>
}

// The API has one method for each documented call.
func ExampleNewAPI() {
	c, end := fakeVendor()
	defer end()
	api := magloft.NewAPI(c)
	page, err := api.PageReaders(context.Background(), magloft.Query{PerPage: 10})
	fmt.Println(page.Page, page.Total, err)
	// Output: 1 0 <nil>
}

// All missing settings are reported at once.
func ExampleConfig_Validate() {
	c, end := fakeVendor()
	defer end()
	fmt.Println(c.Validate())
	c.AppID = ""
	fmt.Println(c.Validate())
	// Output:
	// <nil>
	// magloft: app_id is missing; set app_id
}
