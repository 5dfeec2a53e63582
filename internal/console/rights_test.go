package console

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestRights(t *testing.T) {
	ann := visitor{Operator: true}
	replays := visitor{Operator: true, rights: Rights{May: []string{mayReplay}}}
	leads := visitor{Operator: true, rights: Rights{Vendors: []string{"lead"}}}
	both := visitor{Operator: true, rights: Rights{Vendors: []string{"lead"}, May: []string{mayPause, mayReplay}}}
	for _, c := range []struct {
		name               string
		who                visitor
		permission, vendor string
		want               bool
	}{
		{"no limits", ann, mayApprove, "", true},
		{"a reader", visitor{}, mayReplay, "lead", false},
		{"the permission", replays, mayReplay, "lead", true},
		{"another permission", replays, mayPause, "lead", false},
		{"the vendor", leads, mayPause, "lead", true},
		{"another vendor", leads, mayPause, "meiro", false},
		{"all vendors together", leads, maySend, "", false},
		{"both limits", both, mayPause, "lead", true},
		{"both limits, another vendor", both, mayPause, "meiro", false},
		{"both limits, another permission", both, mayApprove, "lead", false},
	} {
		if got := c.who.May(c.permission, c.vendor); got != c.want {
			t.Errorf("%s: got %v", c.name, got)
		}
	}
}

// TestEveryActionHasPermission finds routes of operators that no limit concerns.
func TestEveryActionHasPermission(t *testing.T) {
	c := &Console{}
	for _, rt := range c.table() {
		if _, listed := permissions[rt.pattern]; rt.may == operator && !listed {
			t.Errorf("%s has no permission", rt.pattern)
		}
	}
}

func TestRoutesRefuseBeyondRights(t *testing.T) {
	leads := visitor{Operator: true, rights: Rights{Vendors: []string{"lead"}, May: []string{mayPause, mayReplay}}}
	for _, c := range []struct{ pattern, vendor, form, want string }{
		{"POST /console/vendors/{vendor}/pause", "lead", "", ""},
		{"POST /console/vendors/{vendor}/check", "meiro", "", `"pause" at meiro`},
		{"POST /console/dead", "", "do=replay", ""},
		{"POST /console/dead/{vendor}/{type}/{key}", "lead", "do=replay", ""},
		{"POST /console/dead/{vendor}/{type}/{key}", "lead", "do=reveal", `"reveal" at lead`},
		{"POST /console/dead/{vendor}/{type}/{key}", "meiro", "do=drop", `"replay" at meiro`},
		{"POST /console/deletions", "", "vendor=lead", `"approve" at lead`},
		{"POST /console/deletions", "", "", `"approve" at all vendors`},
		{"GET /console/send", "", "", `"send" at all vendors`},
		{"POST /console/further", "", "", "without limits"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(c.form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetPathValue("vendor", c.vendor)
		err := forbidden(&visit{Request: r, who: leads}, c.pattern)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s %s: got %v, want %q", c.pattern, c.vendor, c.form, err, c.want)
		}
	}
}

func TestAuditPages(t *testing.T) {
	var list []string
	for _, name := range []string{"b", "a", "", "b", "c"} {
		list = include(list, name)
	}
	if strings.Join(list, "") != "abc" {
		t.Errorf("got %v", list)
	}
}
