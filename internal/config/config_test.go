package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/lead"
	"github.com/usherhq/usher/vendors/magloft"
	"github.com/usherhq/usher/vendors/meiro"
	"github.com/usherhq/usher/vendors/miestro"
	"github.com/usherhq/usher/vendors/scim"
	"github.com/usherhq/usher/vendors/usermost"
)

// all is the settings of all vendors.
type all struct {
	Miestro  miestro.Config
	Meiro    meiro.Config
	LEAD     lead.Config
	MagLoft  magloft.Config
	Usermost usermost.Config
	SCIM     scim.Config
}

func defaults() *all {
	return &all{miestro.Defaults(), meiro.Defaults(), lead.Defaults(), magloft.Defaults(), usermost.Defaults(), scim.Defaults()}
}

func (a *all) sections() []config.Section {
	return []config.Section{
		{Name: "miestro", Settings: &a.Miestro},
		{Name: "meiro", Settings: &a.Meiro},
		{Name: "lead", Settings: &a.LEAD},
		{Name: "magloft", Settings: &a.MagLoft},
		{Name: "usermost", Settings: &a.Usermost},
		{Name: "scim", Settings: &a.SCIM},
	}
}

// withDefaults returns what nobody has set anything of.
func withDefaults() config.Config {
	c := config.Default()
	c.Vendors = defaults().sections()
	return c
}

// write puts text into a file of its own and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// load loads with all vendors and fails the test where the sources have a fault.
func load(t *testing.T, from config.Sources) config.Config {
	t.Helper()
	c, _ := loadAll(t, from)
	return c
}

// loadAll also returns the settings of the vendors.
func loadAll(t *testing.T, from config.Sources) (config.Config, *all) {
	t.Helper()
	a := defaults()
	from.Vendors = a.sections()
	c, err := config.Load(from)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	return c, a
}

func TestLoadWithoutSourcesIsDefault(t *testing.T) {
	t.Chdir(t.TempDir())
	got, want := load(t, config.Sources{}), withDefaults()
	if diff := cmp.Diff(want, got, ignoreUnexported()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(got.Warnings()) > 0 {
		t.Errorf("warnings: %q", got.Warnings())
	}
}

func ignoreUnexported() cmp.Option {
	return cmp.FilterPath(func(p cmp.Path) bool {
		field, ok := p.Last().(cmp.StructField)
		return ok && slices.Contains([]string{"origins", "lines", "warnings", "file", "readAt"}, field.Name())
	}, cmp.Ignore())
}

// A setting of a former version is no fault: a file that worked goes on working.
func TestRetiredSettings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usher.yaml")
	if err := os.WriteFile(path, []byte("worker:\n  hold_after: 20\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := load(t, config.Sources{Path: path})
	if len(got.Warnings()) != 1 || !strings.Contains(got.Warnings()[0], "usher.yaml:2: worker.hold_after: no longer read") {
		t.Errorf("warnings: %q", got.Warnings())
	}
}

// A setting with a new name is a fault, in the file and in the environment.
func TestRenamedSettings(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, test := range map[string]struct {
		from config.Sources
		want string
	}{
		"file": {
			config.Sources{Path: write(t, "usher.yaml", "nats:\n  effects_ttl: 24h\n")},
			"usher.yaml:2: nats.effects_ttl: is now activity.memory; write activity.memory in its place, with the same value",
		},
		"environment": {
			config.Sources{Environ: []string{"USHER_NATS_EFFECTS_TTL=24h"}},
			"USHER_NATS_EFFECTS_TTL: nats.effects_ttl: is now activity.memory; set USHER_ACTIVITY_MEMORY in its place, to the same value",
		},
	} {
		t.Run(name, func(t *testing.T) {
			test.from.Vendors = defaults().sections()
			_, err := config.Load(test.from)
			if err == nil || !strings.HasSuffix(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestExampleIsTheDefaults(t *testing.T) {
	got := load(t, config.Sources{Path: filepath.Join("..", "..", "deploy", "usher.example.yaml")})
	if got.Courses.For("miestro")["go-basics"] != "4711" {
		t.Errorf("courses: %v", got.Courses)
	}
	got.Courses, got.HTTP.Tokens = nil, nil
	got.Console.Tokens, got.Console.People, got.Console.OIDC.Rules = nil, nil, nil
	// empty lists
	got.Order, got.NATS.EventsKeys = nil, nil
	got.HTTP.Clients = nil
	got.HTTP.Origins = nil
	got.HTTP.Callbacks = nil
	got.Notify.Targets = nil
	got.HTTP.TrustedProxies = nil
	got.Webhooks = nil
	if diff := cmp.Diff(withDefaults(), got, ignoreUnexported()); diff != "" {
		t.Errorf("the example says otherwise (-default +example)\n%s", diff)
	}
}

func TestPrecedence(t *testing.T) {
	file := write(t, "usher.yaml", "log: {level: debug}\nworker: {shutdown: 20s, ack_wait: 40s}\n")
	c := load(t, config.Sources{
		Path:    file,
		Environ: []string{"USHER_LOG_LEVEL=warn", "USHER_WORKER_SHUTDOWN=25s"},
		Flags:   map[string]string{"log.level": "error"},
	})
	if c.Log.Level != "error" {
		t.Errorf("flag: got %q, want error", c.Log.Level)
	}
	if c.Worker.Shutdown != 25*time.Second {
		t.Errorf("environment: got %s, want 25s", c.Worker.Shutdown)
	}
	if c.Worker.AckWait != 40*time.Second {
		t.Errorf("file: got %s, want 40s", c.Worker.AckWait)
	}
	if c.Worker.CallLease != 12*time.Second {
		t.Errorf("default: got %s, want 12s", c.Worker.CallLease)
	}
}

func TestWhichFile(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("usher.yaml", []byte("source: /here"), 0o600); err != nil {
		t.Fatal(err)
	}
	other, third := write(t, "a.yaml", "source: /a"), write(t, "b.yaml", "source: /b")
	for name, test := range map[string]struct {
		from config.Sources
		want string
	}{
		"usher.yaml in the current directory": {config.Sources{}, "/here"},
		"USHER_CONFIG":                        {config.Sources{Environ: []string{"USHER_CONFIG=" + other}}, "/a"},
		"the path wins":                       {config.Sources{Path: third, Environ: []string{"USHER_CONFIG=" + other}}, "/b"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := load(t, test.from).Source; got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestVariables(t *testing.T) {
	c := load(t, config.Sources{Environ: []string{
		"USHER_NATS_URL=nats://nats:4222",
		"USHER_NATS_EMBEDDED_DIR=/var/lib/usher",
		"USHER_NATS_EMBEDDED_SYNC=2s",
		"USHER_NATS_EMBEDDED_ADDR=127.0.0.1:4222",
		"USHER_NATS_EVENTS_STREAM=ORDERS",
		"USHER_NATS_REPLICAS=3",
		"USHER_NATS_MAX_BYTES=10GiB",
		"USHER_HTTP_ADDR=:8080",
		"USHER_HTTP_TOKENS=first-of-the-tokens, second-of-the-tokens",
		"USHER_MIESTRO_BASE_URL=http://127.0.0.1:1/api/v1.0/",
		"USHER_MIESTRO_API_KEY=key",
		"USHER_MIESTRO_API_SECRET=secret",
		"USHER_MEIRO_BASE_URL=http://127.0.0.1:2",
		"USHER_MEIRO_EMAIL=ops@example.com",
		"USHER_MEIRO_PASSWORD=password",
		"USHER_MEIRO_MODE=operators",
		"USHER_MEIRO_COLLECT_URL=http://127.0.0.1:2/collect/usher",
		"USHER_LEAD_BASE_URL=http://127.0.0.1:3/api",
		"USHER_LEAD_EMAIL=admin@example.com",
		"USHER_LEAD_PASSWORD=password",
		"USHER_LEAD_ENROLL_PATH=courses/{course}/users/{user}",
		"USHER_MAGLOFT_BASE_URL=http://127.0.0.1:4",
		"USHER_MAGLOFT_ACCESS_TOKEN=token",
		"USHER_MAGLOFT_MODE=readers",
		"USHER_MAGLOFT_APP_ID=17",
		"USHER_USERMOST_BASE_URL=http://127.0.0.1:5",
		"USHER_USERMOST_LICENSE_CODE=license",
		"USHER_USERMOST_API_KEY=key",
		"USHER_USERMOST_RATE=2.5",
		"USHER_USERMOST_CONCURRENCY=4",
		"USHER_USERMOST_TIMEOUT=3s",
		"USHER_USERMOST_MAX_AGE=1h",
		"USHER_SCIM_BASE_URL=http://127.0.0.1:6",
		"USHER_SCIM_TOKEN=token",
		"USHER_SCIM_UPDATE=put",
		"USHER_SCIM_EXTERNAL_ID=false",
		"USHER_SCIM_PAGE_SIZE=50",
		"USHER_LOG_FORMAT=json",
		"USHER_SOURCE=/usher/test",
	}})
	client := func(url string, rate float64) vendors.Settings {
		return vendors.Settings{BaseURL: url, Rate: rate, Concurrency: 16, Timeout: 10 * time.Second, MaxAge: 24 * time.Hour}
	}
	want := config.Default()
	want.Source, want.Log.Format = "/usher/test", "json"
	want.NATS.URL = "nats://nats:4222"
	want.NATS.EventsStream = "ORDERS"
	want.NATS.Replicas = 3
	want.NATS.MaxBytes = 10 << 30
	want.NATS.Embedded = config.Embedded{Dir: "/var/lib/usher", Sync: config.Sync(2 * time.Second), Addr: "127.0.0.1:4222"}
	want.HTTP.Addr, want.HTTP.Tokens = ":8080", config.Tokens{"first-of-the-tokens", "second-of-the-tokens"}
	want.Vendors = (&all{
		Miestro: miestro.Config{Settings: client("http://127.0.0.1:1/api/v1.0", 5), APIKey: "key", APISecret: "secret"},
		Meiro: meiro.Config{
			Settings: client("http://127.0.0.1:2", 10), Mode: meiro.ModeOperators,
			Email: "ops@example.com", Password: "password", CollectURL: "http://127.0.0.1:2/collect/usher",
		},
		LEAD: lead.Config{
			Settings: client("http://127.0.0.1:3/api", 1), Email: "admin@example.com", Password: "password",
			EnrollPath: "courses/{course}/users/{user}", Update: lead.UpdateRefuse,
		},
		MagLoft: magloft.Config{Settings: client("http://127.0.0.1:4", 5), AccessToken: "token", Mode: magloft.ModeReaders, AppID: "17"},
		Usermost: usermost.Config{
			Settings:    vendors.Settings{BaseURL: "http://127.0.0.1:5", Rate: 2.5, Concurrency: 4, Timeout: 3 * time.Second, MaxAge: time.Hour},
			LicenseCode: "license", APIKey: "key",
		},
		SCIM: scim.Config{
			Settings: client("http://127.0.0.1:6", 5), Token: "token", ClientAuth: scim.ClientAuthBasic, Update: scim.UpdatePut,
			Membership: scim.MembershipGroup, Pages: scim.PagesIndex, PageSize: 50, MediaType: scim.MediaType, UserAgent: "usher",
		},
	}).sections()
	if diff := cmp.Diff(want, c, ignoreUnexported(), cmp.Comparer(func(a, b vendors.Secret) bool { return a.Reveal() == b.Reveal() })); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if off, warnings := c.Off(), c.Warnings(); len(off) > 0 || len(warnings) != 1 || !strings.Contains(warnings[0], "nats.embedded.addr") {
		t.Errorf("off %v, warnings %q; want none but of the embedded server, since all variables are set", off, warnings)
	}
}

func TestSecretsFromFiles(t *testing.T) {
	secret := write(t, "secret", "s3cret\n")
	tokens := write(t, "tokens", "first-of-the-tokens\nsecond-of-the-tokens\n")
	c, v := loadAll(t, config.Sources{Environ: []string{
		"USHER_MIESTRO_API_KEY_FILE=" + secret, "USHER_MIESTRO_API_SECRET=direct", "USHER_HTTP_TOKENS_FILE=" + tokens,
	}})
	if got := v.Miestro.APIKey.Reveal(); got != "s3cret" {
		t.Errorf("got %q, want it without the line end", got)
	}
	if len(c.HTTP.Tokens) != 2 || c.HTTP.Tokens[1].Reveal() != "second-of-the-tokens" {
		t.Errorf("got %d tokens, want 2", len(c.HTTP.Tokens))
	}
	if got := c.On(); !cmp.Equal(got, []string{"miestro"}) {
		t.Errorf("on: %v", got)
	}
}

func TestFileForms(t *testing.T) {
	c, v := loadAll(t, config.Sources{Path: write(t, "usher.yaml", `
http: {addr: "off", tokens: [first-of-the-tokens, second-of-the-tokens]}
nats:
  max_bytes: 500MB
  embedded: {sync: always}
vendors:
  lead: &shared {rate: 3, timeout: 4s}
  miestro: {api_key: 12345, api_secret: abc, rate: 7}
  magloft: {access_token: ~, app_id: 007}
  usermost: {rate: 9, <<: *shared}
log:
courses:
  go: {miestro: 4711, lead: "12"}
  js: {lead: 9}
`)})
	if c.HTTP.On() || len(c.HTTP.Tokens) != 2 {
		t.Errorf("http: on %t, %d tokens", c.HTTP.On(), len(c.HTTP.Tokens))
	}
	if got := v.Miestro.APIKey.Reveal(); got != "12345" {
		t.Errorf("a number as a secret: got %q", got)
	}
	if c.NATS.MaxBytes != 500<<20 || v.MagLoft.AppID != "007" || v.Miestro.Rate != 7 {
		t.Errorf("got %d, %q, %v", c.NATS.MaxBytes, v.MagLoft.AppID, v.Miestro.Rate)
	}
	if u := v.Usermost; u.Rate != 9 || u.Timeout != 4*time.Second {
		t.Errorf("what is merged in must not win: rate %v, timeout %s", u.Rate, u.Timeout)
	}
	if diff := cmp.Diff(map[string]string{"go": "12", "js": "9"}, c.Courses.For("lead")); diff != "" {
		t.Errorf("courses of lead (-want +got)\n%s", diff)
	}
}

func TestOff(t *testing.T) {
	t.Chdir(t.TempDir())
	c := load(t, config.Sources{Environ: []string{"USHER_USERMOST_LICENSE_CODE=l", "USHER_USERMOST_API_KEY=k"}})
	want := map[string]string{
		"miestro": "set USHER_MIESTRO_API_KEY, USHER_MIESTRO_API_SECRET",
		"meiro": "set USHER_MEIRO_EMAIL, USHER_MEIRO_PASSWORD, USHER_MEIRO_BASE_URL (or USHER_MEIRO_ACCESS_TOKEN instead of " +
			"e-mail and password, or USHER_MEIRO_MODE=customers with USHER_MEIRO_COLLECT_URL)",
		"lead":    "set USHER_LEAD_EMAIL, USHER_LEAD_PASSWORD, USHER_LEAD_BASE_URL",
		"magloft": "set USHER_MAGLOFT_ACCESS_TOKEN",
		"scim":    "set USHER_SCIM_TOKEN, USHER_SCIM_BASE_URL (or client_id, client_secret and token_url of OAuth 2 instead of the token)",
	}
	if diff := cmp.Diff(want, c.Off()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if err := c.RequireVendor(); err != nil {
		t.Errorf("a vendor is on, and yet: %v", err)
	}
}

func TestServersWithoutPasswords(t *testing.T) {
	c := load(t, config.Sources{Environ: []string{"USHER_NATS_URL=nats://u:hidden@a:4222,tls://hidden@b"}})
	if got, want := c.NATS.Servers(), "nats://[redacted]@a:4222,tls://[redacted]@b"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzFile(f *testing.F) {
	f.Add("vendors: {miestro: {api_key: a}}")
	f.Add("nats: &n {<<: [*n, *n], embedded: *n}")
	f.Add("courses: {? [a] : {lead: 1}}")
	f.Fuzz(func(t *testing.T, text string) {
		_, err := config.Load(config.Sources{Path: write(t, "usher.yaml", text), Vendors: defaults().sections()})
		if err != nil && len(config.Faults(err)) == 0 {
			t.Errorf("an error without a fault: %v", err)
		}
	})
}
