package lead_test

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"
	"strings"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/lead"
	"github.com/usherhq/usher/vendors/sandbox"
)

// fakeVendor returns the configuration for a fake LEAD. For the real LEAD, set the base URL and your
// credentials.
func fakeVendor() (lead.Config, func()) {
	box, err := sandbox.New(sandbox.Config{})
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(box.Handler())
	c := lead.Defaults()
	c.BaseURL = box.BaseURLs(strings.TrimPrefix(server.URL, "http://"))["lead"]
	c.Email, c.Password = sandbox.LeadEmail, sandbox.LeadPassword
	return c, server.Close
}

// The adapter implements the ports. Creating a user returns the account.
func ExampleNew() {
	c, end := fakeVendor()
	defer end()
	adapter, err := lead.New(c)
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
	api := lead.NewAPI(c)
	page, err := api.ListUsers(context.Background(), 1)
	fmt.Println(page.Page, page.Total, err)
	// Output: 1 1 <nil>
}

// All missing settings are reported at once.
func ExampleConfig_Validate() {
	c, end := fakeVendor()
	defer end()
	fmt.Println(c.Validate())
	c.Password = ""
	fmt.Println(c.Validate())
	// Output:
	// <nil>
	// lead: password is missing; set password
}
