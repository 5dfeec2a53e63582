package sandbox_test

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

// Tests of your own run against the stand-ins, and ask them afterwards what they hold.
func Example() {
	stands, err := sandbox.New(sandbox.Config{})
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(stands.Handler())
	defer server.Close()

	c := usermost.Defaults()
	c.BaseURL = stands.BaseURLs(strings.TrimPrefix(server.URL, "http://"))["usermost"]
	c.LicenseCode, c.APIKey = sandbox.UsermostLicenseCode, sandbox.UsermostAPIKey
	adapter, err := usermost.New(c)
	if err != nil {
		fmt.Println(err)
		return
	}
	who := vendors.User{ID: "ada", Email: "ada@example.org", FirstName: "Ada"}
	if _, err := adapter.Create(context.Background(), vendors.Origin{Key: "00112233445566778899aabbccddeeff"}, who); err != nil {
		fmt.Println(err)
		return
	}
	held := stands.State().Vendors["usermost"]
	fmt.Println(len(held.Users), "user, made by", held.Users[0].Creates, "call")
	// Output: 1 user, made by 1 call
}
