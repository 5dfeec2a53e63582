package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/vendors/sandbox"
)

// Every event type has one handler, with the scope of the table of types.
func TestHandlersCoverAllEventTypes(t *testing.T) {
	var got []string
	for _, h := range catalog().Handlers(nil, nil) {
		got = append(got, h.Type)
		if want := events.ScopeOf(h.Type); h.Scope != want {
			t.Errorf("got scope %q of %s, want %q", h.Scope, h.Type, want)
		}
	}
	if diff := cmp.Diff(events.Types(), got); diff != "" {
		t.Errorf("handlers differ from the event types (-want +got)\n%s", diff)
	}
}

func TestCatalogHasSettings(t *testing.T) {
	environ := append(sandbox.Environ("127.0.0.1:1"), "USHER_LEAD_CONCURRENCY=3", "USHER_SCIM_BASE_URL=http://127.0.0.1:1", "USHER_SCIM_TOKEN=t")
	c, err := config.Load(config.Sources{Environ: environ, Vendors: catalog().Sections()})
	if err != nil {
		t.Fatal(err)
	}
	list := catalog().With(&c)
	if len(c.On()) != len(list) {
		t.Errorf("got %v on, want all %d", c.On(), len(list))
	}
	for _, v := range list {
		want := 16
		if v.Name == "lead" {
			want = 3
		}
		if got := v.Settings().Concurrency; got != want {
			t.Errorf("%s: got concurrency %d, want %d", v.Name, got, want)
		}
		if _, err := v.Adapter(); err != nil {
			t.Errorf("%s: %v", v.Name, err)
		}
	}
}

func TestCatalogHasDefaults(t *testing.T) {
	for _, v := range catalog().Vendors() {
		if _, err := v.Adapter(); err == nil || v.Settings().Concurrency != 16 {
			t.Errorf("%s: got adapter error %v, concurrency %d; want an error for the credentials, and 16", v.Name, err, v.Settings().Concurrency)
		}
	}
}
