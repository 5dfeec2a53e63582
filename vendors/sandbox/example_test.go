package sandbox_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/usermost"
)

// Run tests against the stand-ins, and look at the state afterwards.
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

// A fault hits the next call of a vendor.
func ExampleSandbox_Next() {
	box, err := sandbox.New(sandbox.Config{})
	if err != nil {
		log.Fatal(err)
	}
	if err := box.Next("lead", sandbox.Fault{Kind: sandbox.FailBefore}); err != nil {
		log.Fatal(err)
	}
	for range 2 {
		answer := httptest.NewRecorder()
		box.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/lead/api/login", nil))
		fmt.Println(answer.Code)
	}
	// Output:
	// 503
	// 401
}

// An action in the vendor's own pages changes the state without the API.
func ExampleSandbox_ChangeManually() {
	box, err := sandbox.New(sandbox.Config{})
	if err != nil {
		log.Fatal(err)
	}
	if err := box.ChangeManually("miestro", sandbox.AddStaff, "teacher@example.org"); err != nil {
		log.Fatal(err)
	}
	for _, u := range box.State().Vendors["miestro"].Users {
		fmt.Println(u.Email, u.Staff)
	}
	// Output: teacher@example.org true
}

// The variables turn on all vendors, at a sandbox on this machine.
func ExampleEnviron() {
	for _, variable := range sandbox.Environ("127.0.0.1:8081") {
		if strings.HasPrefix(variable, "USHER_MIESTRO_") {
			fmt.Println(variable)
		}
	}
	// Output:
	// USHER_MIESTRO_API_KEY=sandbox-miestro-key
	// USHER_MIESTRO_API_SECRET=sandbox-miestro-secret
	// USHER_MIESTRO_BASE_URL=http://127.0.0.1:8081/miestro/api/v1.0
	// USHER_MIESTRO_RATE=0
}
