package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usherhq/usher/internal/config"
)

// school is the description of the made-up API in the tests of the kind http.
const school = "../../vendors/httpapi/testdata/school.yaml"

// loadHTTP loads a configuration with the vendor acme, described by school with a replacement.
func loadHTTP(t *testing.T, section, old, replacement string, environ ...string) (config.Config, error) {
	t.Helper()
	folder := t.TempDir()
	text, err := os.ReadFile(school)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("the description has no %q", old)
	}
	path := filepath.Join(folder, "usher.yaml")
	for name, text := range map[string]string{
		filepath.Join(folder, "school.yaml"): strings.Replace(string(text), old, replacement, 1), path: "vendors:\n  acme:\n    kind: http\n" + section,
		filepath.Join(folder, "token"): "from-a-file\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i := range environ {
		environ[i] = strings.ReplaceAll(environ[i], "FOLDER", folder)
	}
	k := catalog()
	return config.Load(config.Sources{Path: path, Environ: environ, Vendors: k.Sections(), Kinds: k.Kinds(), Instance: k.Instance})
}

const described = "    file: school.yaml\n    base_url: https://school.example/api\n"

func TestVendorDescribedByFile(t *testing.T) {
	for name, environ := range map[string][]string{
		"variable":      {"USHER_ACME_TOKEN=from-a-file", "USHER_ACME_ROLE=guest"},
		"secret's file": {"USHER_ACME_TOKEN_FILE=FOLDER/token", "USHER_ACME_ROLE=guest"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := loadHTTP(t, described, "kind: http", "kind: http", environ...)
			if err != nil {
				t.Fatal(err)
			}
			if on := c.On(); len(on) != 1 || on[0] != "acme" {
				t.Errorf("got the vendors %v, want acme", on)
			}
			shown := map[string]string{}
			for _, s := range c.Show() {
				shown[s.Key] = s.Text()
			}
			if shown["vendors.acme.role"] != "guest" || shown["vendors.acme.token"] != "[redacted]" || shown["vendors.acme.rate"] != "5" {
				t.Errorf("got role %q, token %q and rate %q", shown["vendors.acme.role"], shown["vendors.acme.token"], shown["vendors.acme.rate"])
			}
			for _, v := range catalog().With(&c) {
				if v.Name == "acme" {
					if _, err := v.Adapter(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
}

func TestFaultsOfVendorDescribedByFile(t *testing.T) {
	for name, test := range map[string]struct {
		section, old, replacement string
		environ                   []string
		want                      []string // each in one fault
	}{
		"no file":            {"    role: guest\n", "kind: http", "kind: http", nil, []string{"usher.yaml:3: vendors.acme.file: is missing"}},
		"file not there":     {"    file: other.yaml\n    token: x\n", "kind: http", "kind: http", nil, []string{"usher.yaml:4: vendors.acme.file: the description of the API cannot be read"}},
		"fault of the file":  {described + "    token: x\n", "is: taken", "is: there", nil, []string{"school.yaml:19: create.answers[0].is: cannot be \"there\""}},
		"unknown setting":    {described + "    token: x\n    rolle: guest\n", "kind: http", "kind: http", nil, []string{"usher.yaml:7: vendors.acme.rolle: unknown key; did you mean role?"}},
		"word of a setting":  {described + "    token: x\n    role: boss\n", "kind: http", "kind: http", nil, []string{"usher.yaml:7: vendors.acme.role (USHER_ACME_ROLE): cannot be \"boss\"; want one of: learner, guest"}},
		"no base URL":        {"    file: school.yaml\n    token: x\n", "kind: http", "kind: http", nil, []string{"vendors.acme.base_url (USHER_ACME_BASE_URL): is missing"}},
		"course of letters":  {described + "    token: x\ncourses: {algebra: {acme: first}}\n", "kind: http", "kind: http", nil, []string{"courses.algebra.acme: cannot be \"first\"; want the number"}},
		"disable as default": {described + "    token: x\n    on_delete: disable\n", "disable:", "restore:", nil, []string{"school.yaml:23: enable: needs the other one of disable and enable"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := loadHTTP(t, test.section, test.old, test.replacement, test.environ...)
			faults := config.Faults(err)
			if len(faults) != len(test.want) {
				t.Fatalf("got %v, want %d faults", err, len(test.want))
			}
			for i, f := range faults {
				if !strings.Contains(f.Error(), test.want[i]) {
					t.Errorf("got %v, want %q", f, test.want[i])
				}
			}
		})
	}
}
