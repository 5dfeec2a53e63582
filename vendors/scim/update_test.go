package scim_test

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/scim"
	"github.com/usherhq/usher/vendors/vendortest/memnet"
)

// whole is a user with more than Usher knows.
const whole = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"7","externalId":"user-1","userName":"ada@example.org",
	"name":{"givenName":"Ada","familyName":"Lovelace","honorificPrefix":"Lady"},"displayName":"Ada L.","active":true,"title":"Countess",
	"emails":[{"value":"home@example.org","type":"home"},{"value":"ada@example.org","type":"work","primary":true}],
	"phoneNumbers":[{"value":"tel:+44-20-5550100"}],"groups":[{"value":"1"}],"employee":12345678901234567890,
	"meta":{"resourceType":"User","version":"W/\"3\""}}`

// recorder is a server with one user, and the last change.
type recorder struct {
	method, version string
	body            map[string]any
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, in *http.Request) {
	if in.Method != http.MethodGet {
		r.method, r.version, r.body = in.Method, in.Header.Get("If-Match"), map[string]any{}
		text, _ := io.ReadAll(in.Body)
		d := json.NewDecoder(newReader(text))
		d.UseNumber()
		_ = d.Decode(&r.body)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	_, _ = w.Write([]byte(whole))
}

// recorded returns an adapter of a recorder.
func recorded(t *testing.T, method string) (*scim.Adapter, *recorder) {
	t.Helper()
	r := &recorder{}
	c := config(vendors.Settings{BaseURL: "http://scim.test", HTTP: memnet.Serve(t, r)})
	c.Update = method
	a, err := scim.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return a, r
}

var account = vendors.Account{ID: "7"}

// A PATCH has only the attributes that differ, and keeps other e-mails.
func TestPatchHasTheDifferences(t *testing.T) {
	a, r := recorded(t, scim.UpdatePatch)
	u := vendors.User{ID: "user-1", Email: "ADA@example.org", FirstName: "Ada", LastName: "Lovelace", Locale: "en-GB", Phone: "+44 20 5550100"}
	if err := a.Update(t.Context(), origin, account, u); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"schemas": []any{"urn:ietf:params:scim:api:messages:2.0:PatchOp"}, "Operations": []any{
		map[string]any{"op": "replace", "path": "preferredLanguage", "value": "en-GB"},
		map[string]any{"op": "replace", "path": "locale", "value": "en-GB"},
	}}
	if diff := cmp.Diff(want, r.body); diff != "" || r.version != `W/"3"` {
		t.Errorf("version %s (-want +got)\n%s", r.version, diff)
	}
	_ = a.Update(t.Context(), origin, account, vendors.User{Email: "king@example.org"}) // the recorder changes nothing
	want["Operations"] = []any{
		map[string]any{"op": "replace", "path": "userName", "value": "king@example.org"},
		map[string]any{"op": "replace", "path": "emails", "value": []any{
			map[string]any{"value": "home@example.org", "type": "home"},
			map[string]any{"value": "king@example.org", "type": "work", "primary": true},
		}},
	}
	if diff := cmp.Diff(want, r.body); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// An update without a difference makes no change.
func TestUpdateWithoutDifference(t *testing.T) {
	a, r := recorded(t, scim.UpdatePatch)
	if err := a.Update(t.Context(), origin, account, vendors.User{Email: "ada@example.org", FirstName: "Ada"}); err != nil || r.method != "" {
		t.Errorf("got %v and %q, want no change", err, r.method)
	}
}

// A PUT drops what is left out, so everything that the server showed is sent.
func TestPutKeepsEverything(t *testing.T) {
	a, r := recorded(t, scim.UpdatePut)
	_ = a.Disable(t.Context(), origin, account) // the recorder changes nothing
	want := map[string]any{}
	d := json.NewDecoder(newReader([]byte(whole)))
	d.UseNumber()
	if err := d.Decode(&want); err != nil {
		t.Fatal(err)
	}
	delete(want, "meta")
	delete(want, "groups")
	want["active"] = false
	if diff := cmp.Diff(want, r.body); diff != "" || r.method != http.MethodPut {
		t.Errorf("%s (-want +got)\n%s", r.method, diff)
	}
	_ = a.Update(t.Context(), origin, account, vendors.User{FirstName: "Augusta"})
	name := map[string]any{"givenName": "Augusta", "familyName": "Lovelace", "honorificPrefix": "Lady"}
	if diff := cmp.Diff(name, r.body["name"]); diff != "" || r.body["displayName"] != "Ada L." {
		t.Errorf("%v (-want +got)\n%s", r.body["displayName"], diff)
	}
}
