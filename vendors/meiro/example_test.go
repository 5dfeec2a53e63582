package meiro_test

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"
	"strings"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/meiro"
	"github.com/usherhq/usher/vendors/sandbox"
)

// fakeVendor returns the configuration for a fake Meiro. For the real Meiro, set the base URL and your
// credentials.
func fakeVendor() (meiro.Config, func()) {
	box, err := sandbox.New(sandbox.Config{})
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(box.Handler())
	c := meiro.Defaults()
	c.BaseURL = box.BaseURLs(strings.TrimPrefix(server.URL, "http://"))["meiro"]
	c.Email, c.Password = sandbox.MeiroEmail, sandbox.MeiroPassword
	return c, server.Close
}

// The adapter implements the ports. Creating a user returns the account.
func ExampleNew() {
	c, end := fakeVendor()
	defer end()
	adapter, err := meiro.New(c)
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
	api := meiro.NewAPI(c)
	page, err := api.ListTrashedUsers(context.Background(), meiro.Selection{Limit: 10})
	fmt.Println(len(page.Users), err)
	// Output: 0 <nil>
}

// All missing settings are reported at once.
func ExampleConfig_Validate() {
	c, end := fakeVendor()
	defer end()
	fmt.Println(c.Validate())
	c.Mode = meiro.ModeCustomers
	fmt.Println(c.Validate())
	// Output:
	// <nil>
	// meiro: collect_url is missing; set collect_url
}
