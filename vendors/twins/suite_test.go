// Package twins_test runs the files of this folder, and the shipped files of examples/vendors, through
// the suites of the adapters.
package twins_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/httpapi"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/vendortest"
)

// shipped is the folder of the files for teams.
const shipped = "../../examples/vendors"

// described is a file with the settings for the stand-in.
type described struct {
	path     string
	settings map[string]string
	suite    vendortest.Suite // without New
}

// file returns the description in a file.
func file(t testing.TB, path string) *httpapi.File {
	t.Helper()
	f, err := httpapi.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// open returns the adapter of a file.
func open(f *httpapi.File, settings map[string]string, s vendors.Settings) (vendors.Adapter, error) {
	c := httpapi.Defaults()
	c.Use(f)
	for name, value := range settings {
		if err := c.Set(name, value); err != nil {
			return nil, err
		}
	}
	c.Settings = s
	return httpapi.New(c)
}

// all returns the files with a stand-in that keeps accounts.
func all() map[string]described {
	miestro := map[string]string{"api_key": sandbox.MiestroAPIKey, "api_secret": sandbox.MiestroAPISecret}
	return map[string]described{
		"miestro": {"miestro.yaml", miestro, vendortest.Suite{
			Name: "miestro", Course: "7", Repeatable: []string{vendortest.Delete}, Secrets: []string{sandbox.MiestroAPIKey, sandbox.MiestroAPISecret},
		}},
		"usermost": {"usermost.yaml", map[string]string{"license_code": sandbox.UsermostLicenseCode, "api_key": sandbox.UsermostAPIKey}, vendortest.Suite{
			Name: "usermost", Course: "c-1", Repeatable: []string{vendortest.Create, vendortest.Enroll, vendortest.Track}, Secrets: []string{sandbox.UsermostAPIKey},
		}},
		"meirocustomers": {"meirocustomers.yaml", nil, vendortest.Suite{
			Name: "meiro", Course: "c-1", Repeatable: []string{vendortest.Create, vendortest.Delete, vendortest.Enroll, vendortest.Track},
		}},
		"xapi": {filepath.Join(shipped, "xapi.yaml"), map[string]string{
			"client": sandbox.XAPIKey, "client_secret": sandbox.XAPISecret, "home_page": "https://school.example", "verbs": "https://school.example/verbs/", "object": "https://school.example/lessons",
		}, vendortest.Suite{Name: "xapi", Repeatable: []string{vendortest.Track}, Secrets: []string{sandbox.XAPISecret}}},
		"meiro": {"meiro.yaml", map[string]string{"email": sandbox.MeiroEmail, "password": sandbox.MeiroPassword}, vendortest.Suite{
			Name: "meiro", Repeatable: []string{vendortest.Delete}, Secrets: []string{sandbox.MeiroPassword, "meiro-0000"},
			Login: func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/users/login") },
		}},
		"lead": {"lead.yaml", map[string]string{"email": sandbox.LeadEmail, "password": sandbox.LeadPassword, "update": "reset_password"}, vendortest.Suite{
			Name: "lead", Course: "7", Repeatable: []string{vendortest.Delete}, Secrets: []string{sandbox.LeadPassword, "|sandbox"}, ShowsOne: true,
			Login: func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/login") },
		}},
		"magloft": {"magloft.yaml", map[string]string{"access_token": sandbox.MagLoftAccessToken}, vendortest.Suite{
			Name: "magloft", Repeatable: []string{vendortest.Delete}, FixedEmail: true, Secrets: []string{sandbox.MagLoftAccessToken},
		}},
		"moodle": {filepath.Join(shipped, "moodle.yaml"), map[string]string{"token": sandbox.MoodleToken}, vendortest.Suite{
			Name: "moodle", Course: "7", Repeatable: []string{vendortest.Delete, vendortest.Enroll}, Secrets: []string{sandbox.MoodleToken}, Reads: readsMoodle, Unpaged: true,
		}},
		"canvas": {filepath.Join(shipped, "canvas.yaml"), map[string]string{"token": sandbox.CanvasToken}, vendortest.Suite{
			Name: "canvas", Course: "7", Repeatable: []string{vendortest.Delete}, Secrets: []string{sandbox.CanvasToken},
		}},
		"atelier": {filepath.Join(shipped, "atelier.yaml"), map[string]string{"api_key": sandbox.AtelierKey}, vendortest.Suite{
			Name: "atelier", Course: "c7", Repeatable: []string{vendortest.Delete, vendortest.Enroll}, Secrets: []string{sandbox.AtelierKey},
		}},
	}
}

// readsMoodle reports whether a call of Moodle reads: all calls are POSTs.
func readsMoodle(r *http.Request) bool {
	name := r.URL.Query().Get("wsfunction")
	return strings.Contains(name, "_get_")
}

func TestSuites(t *testing.T) {
	for name, d := range all() {
		t.Run(name, func(t *testing.T) {
			f, s := file(t, d.path), d.suite
			base := map[string]string{"meirocustomers": "/collect/usher"}[name]
			s.New = func(at vendors.Settings) (vendors.Adapter, error) { at.BaseURL += base; return open(f, d.settings, at) }
			s.Verdict = verdict(s.Verdict)
			vendortest.Run(t, s)
		})
	}
}

// verdict returns the class of a status at every call: a missing list means a wrong base URL.
func verdict(own func(string, int) (*vendors.Class, bool)) func(string, int) (*vendors.Class, bool) {
	unusable := vendors.Unusable
	return func(port string, status int) (*vendors.Class, bool) {
		if own != nil {
			if want, ok := own(port, status); ok {
				return want, ok
			}
		}
		return &unusable, status == http.StatusNotFound || status == http.StatusGone
	}
}

func TestStorms(t *testing.T) {
	for name, d := range all() {
		switch name {
		case "usermost", "meirocustomers", "xapi": // no look-up, or no accounts
			continue
		case "meiro", "lead": // the log-in adds an account
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := file(t, d.path)
			vendortest.Storm(t, d.suite.Name, func(s vendors.Settings) (vendors.Adapter, error) {
				s.Timeout = time.Minute
				return open(f, d.settings, s)
			})
		})
	}
}
