package scim_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/scim"
	"github.com/usherhq/usher/vendors/vendortest"
	"github.com/usherhq/usher/vendors/vendortest/memnet"
)

func newReader(text []byte) io.Reader { return bytes.NewReader(text) }

func TestConfigFaults(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*scim.Config)
		want   []string // empty: no fault
	}{
		"token": {func(*scim.Config) {}, nil},
		"OAuth": {func(c *scim.Config) {
			c.Token, c.TokenURL, c.ClientID, c.ClientSecret = "", "https://id.example/token", "i", "s"
		}, nil},
		"nothing":        {func(c *scim.Config) { c.Token, c.BaseURL = "", "" }, []string{"base_url", "token"}},
		"half of OAuth":  {func(c *scim.Config) { c.Token, c.ClientID = "", "i" }, []string{"token_url", "client_secret"}},
		"both":           {func(c *scim.Config) { c.TokenURL = "https://id.example/token" }, []string{"token is set together"}},
		"words":          {func(c *scim.Config) { c.Update, c.Membership, c.Pages, c.ClientAuth = "x", "x", "x", "x" }, []string{"update", "membership", "pages", "client_auth"}},
		"no page":        {func(c *scim.Config) { c.PageSize = 0 }, []string{"page_size"}},
		"no media type":  {func(c *scim.Config) { c.MediaType, c.UserAgent = "", "" }, []string{"media_type", "user_agent"}},
		"URL of a token": {func(c *scim.Config) { c.Token, c.TokenURL, c.ClientID, c.ClientSecret = "", "id.example", "i", "s" }, []string{"token_url"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(vendors.Settings{BaseURL: "https://scim.example/v2"})
			test.change(&c)
			_, err := scim.New(c)
			for _, want := range test.want {
				if !strings.Contains(fmt.Sprint(err), "scim: "+want) {
					t.Errorf("got %v, want %q in it", err, want)
				}
			}
			if len(test.want) == 0 && err != nil {
				t.Error(err)
			}
		})
	}
}

// The client of OAuth 2 goes into the header or into the body, with the scopes.
func TestClientCredentials(t *testing.T) {
	for _, place := range []string{scim.ClientAuthBasic, scim.ClientAuthBody} {
		t.Run(place, func(t *testing.T) {
			var inHeader, inBody, scope string
			c := config(vendors.Settings{BaseURL: "http://scim.test", HTTP: memnet.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/token" {
					_, inHeader, _ = r.BasicAuth()
					inBody, scope = r.PostFormValue("client_secret"), r.PostFormValue("scope")
					_, _ = w.Write([]byte(`{"access_token":"t","expires_in":"3600"}`))
					return
				}
				if r.Header.Get("Authorization") != "Bearer t" {
					w.WriteHeader(http.StatusUnauthorized)
				}
				_, _ = w.Write([]byte(`{"totalResults":0}`))
			}))})
			c.Token, c.TokenURL, c.ClientID, c.ClientSecret, c.Scopes, c.ClientAuth = "", "http://scim.test/token", "id", "a secret", "scim.write", place
			a, err := scim.New(c)
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
			header, body := "a+secret", "" // RFC 6749, section 2.3.1: both parts are encoded
			if place == scim.ClientAuthBody {
				header, body = "", "a secret"
			}
			if inHeader != header || inBody != body || scope != "scim.write" {
				t.Errorf("got %q in the header, %q in the body, scope %q", inHeader, inBody, scope)
			}
		})
	}
}

// Every call of the document is made, and the stand-in answers by the document.
func TestEveryDocumentedCall(t *testing.T) {
	box := vendortest.Serve(t, "scim", sandbox.Config{})
	c := config(vendors.Settings{BaseURL: box.URL, HTTP: box.HTTP})
	c.Token, c.TokenURL, c.ClientID, c.ClientSecret = "", box.URL+sandbox.SCIMTokenPath, sandbox.SCIMClientID, sandbox.SCIMClientSecret
	for _, c.Update = range []string{scim.UpdateAuto, scim.UpdatePut} {
		for _, c.Membership = range []string{scim.MembershipGroup, scim.MembershipFilter} {
			a, err := scim.New(c)
			if err != nil {
				t.Fatal(err)
			}
			journeyOf(t, stand{a, box.Box})
		}
	}
	if left := box.Contract.Untried(); len(left) > 0 {
		t.Errorf("no call made %v", left)
	}
}
