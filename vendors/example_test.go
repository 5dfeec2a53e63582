package vendors_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/usherhq/usher/vendors"
)

// A call is typed in and out, and a failure says how it may be handled.
func ExampleClient_Do() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/users/7" {
			http.Error(w, `{"message": "No such user"}`, http.StatusNotFound)
			return
		}
		_, _ = fmt.Fprint(w, `{"name": "Ada"}`)
	}))
	defer server.Close()
	token := vendors.Secret("t-0000")
	auth := vendors.StaticAuth{"Authorization": "Bearer " + token}
	client := vendors.NewClient("acme", vendors.Options{BaseURL: server.URL}, auth, token)

	var user struct {
		Name string `json:"name"`
	}
	err := client.Do(context.Background(), vendors.Call{Op: "get user", Method: http.MethodGet, Path: "/users/7", Out: &user})
	fmt.Println(user.Name, err)
	err = client.Do(context.Background(), vendors.Call{Op: "get user", Method: http.MethodGet, Path: "/users/8", Out: &user})
	fmt.Println(vendors.ClassOf(err), vendors.StatusOf(err), vendors.IsGone(err))
	// Output:
	// Ada <nil>
	// permanent 404 true
}

// The text of an error ends with the advice.
func ExampleError() {
	err := error(&vendors.Error{Vendor: "acme", Op: "create user", Status: http.StatusUnauthorized, Class: vendors.Unusable})
	fmt.Println(err)
	// Output: acme: create user: status 401 (check the credentials of acme and their rights)
}

// Every format hides a secret.
func ExampleSecret() {
	token := vendors.Secret("t-0000")
	fmt.Printf("%v %q %#v\n", token, token, token)
	fmt.Println(token.Reveal())
	// Output:
	// [redacted] [redacted] [redacted]
	// t-0000
}

// A vendor that requires one name gets the part of the e-mail before the @ for a missing name.
func ExampleUser_Name() {
	fmt.Println(vendors.User{FirstName: "Ada", LastName: "Example", Email: "ada@example.org"}.Name())
	fmt.Println(vendors.User{Email: "max@example.org"}.Name())
	// Output:
	// Ada Example
	// max
}

// E-mail addresses match in any case.
func ExampleSameEmail() {
	fmt.Println(vendors.SameEmail("Ada@Example.org ", "ada@example.org"))
	// Output: true
}

// Ids of vendors with numbers are checked in one place.
func ExampleParseID() {
	id, err := vendors.ParseID("acme", "delete user", "account", "7")
	fmt.Println(id, err)
	_, err = vendors.ParseID("acme", "delete user", "account", "7/../8")
	fmt.Println(vendors.ClassOf(err))
	// Output:
	// 7 <nil>
	// permanent
}

// All faults of a configuration are reported at once.
func ExampleInvalidConfig() {
	err := vendors.InvalidConfig("acme", append(
		vendors.RequireURL("base_url", "acme.example.org"),
		vendors.Require("token", "")...,
	))
	fmt.Println(err)
	// Output:
	// acme: base_url is not an http or https URL; want https://host/path
	// acme: token is missing; set token
}

// calendar is an adapter with one port besides Checker.
type calendar struct{}

func (calendar) Check(context.Context) error { return nil }
func (calendar) Track(_ context.Context, a vendors.Activity) error {
	return errors.New("no room for " + a.Name)
}

// Callers find a port by type assertion.
func ExampleAdapter() {
	var adapter vendors.Adapter = calendar{}
	_, deletes := adapter.(vendors.Deprovisioner)
	tracker, tracks := adapter.(vendors.Tracker)
	fmt.Println(deletes, tracks, tracker.Track(context.Background(), vendors.Activity{Name: "lesson.read"}))
	// Output: false true no room for lesson.read
}
