package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/internal/config"
)

// contexts writes contexts of the nats command, and returns the home of a person.
func contexts(t *testing.T, files map[string]string) (home string) {
	t.Helper()
	home = t.TempDir()
	folder := filepath.Join(home, ".config", "nats", "context")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name+".json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return home
}

// connection is what a context may say.
type connection struct {
	URL, Creds, NKey, User, Password, Token, CA, Cert, Key, Inbox, Domain, API string
	TLSFirst                                                                   bool
}

func connectionOf(n config.NATS) connection {
	return connection{
		URL: n.URL, Creds: n.Creds, NKey: n.NKey, User: n.User, Password: n.Password.Reveal(), Token: n.Token.Reveal(),
		CA: n.CA, Cert: n.Cert, Key: n.Key, Inbox: n.InboxPrefix, Domain: n.Domain, API: n.APIPrefix, TLSFirst: n.TLSFirst,
	}
}

// school is a context as nats context save writes it, with every member.
const school = `{
  "description": "the school", "url": "nats://a:4222,nats://b:4222", "socks_proxy": "", "token": "", "user": "ann", "password": "secret",
  "creds": "", "nkey": "", "cert": "$HOME/tls/cert.pem", "key": "~/tls/key.pem", "ca": "/etc/ca.pem", "nsc": "",
  "jetstream_domain": "", "jetstream_api_prefix": "JS.hub.API", "jetstream_event_prefix": "", "inbox_prefix": "_INBOX_ann",
  "user_jwt": "", "color_scheme": "", "tls_first": true, "windows_cert_store": "", "windows_cert_match": ""
}`

func TestContextsOfTheNatsCommand(t *testing.T) {
	home := contexts(t, map[string]string{
		"school": school,
		"leaf":   `{"url":"nats://leaf:4222","creds":"~/ann.creds","jetstream_domain":"hub"}`,
		"bare":   `{"token":"t0ken"}`,
	})
	at := filepath.Join(home, "tls")
	ann := connection{
		URL: "nats://a:4222,nats://b:4222", User: "ann", Password: "secret", Cert: filepath.Join(at, "cert.pem"), Key: filepath.Join(at, "key.pem"),
		CA: "/etc/ca.pem", API: "JS.hub.API", Inbox: "_INBOX_ann", TLSFirst: true,
	}
	file := filepath.Join(home, ".config", "nats", "context", "leaf.json")
	leaf := connection{URL: "nats://leaf:4222", Creds: filepath.Join(home, "ann.creds"), Domain: "hub"}
	for name, c := range map[string]struct {
		env   string // separated by |
		flags map[string]string
		want  connection
	}{
		"the flag":                   {"", map[string]string{"nats.context": "school"}, ann},
		"the setting":                {"USHER_NATS_CONTEXT=school", nil, ann},
		"the flag wins":              {"USHER_NATS_CONTEXT=school|NATS_CONTEXT=bare", map[string]string{"nats.context": "leaf"}, leaf},
		"the variable":               {"NATS_CONTEXT=leaf|NATS_URL=nats://other:4222", nil, leaf},
		"a file":                     {"NATS_CONTEXT=" + file, nil, leaf},
		"another folder":             {"NATS_CONTEXT=leaf|XDG_CONFIG_HOME=" + filepath.Join(home, ".config"), nil, leaf},
		"no server":                  {"NATS_CONTEXT=bare", nil, connection{URL: "nats://127.0.0.1:4222", Token: "t0ken"}},
		"settings of ours win":       {"USHER_NATS_CONTEXT=leaf|USHER_NATS_URL=tls://c:4222", nil, connection{URL: "tls://c:4222", Creds: leaf.Creds, Domain: "hub"}},
		"a server of ours":           {"NATS_CONTEXT=school|USHER_NATS_URL=nats://c:4222", nil, connection{URL: "nats://c:4222"}},
		"an embedded server of ours": {"NATS_URL=nats://other:4222|USHER_NATS_EMBEDDED_DIR=/data", nil, connection{}},
		"variables":                  {"NATS_URL=nats://other:4222|NATS_USER=u|NATS_PASSWORD=p", nil, connection{URL: "nats://other:4222", User: "u", Password: "p"}},
		"no variable of a server":    {"NATS_USER=u|NATS_PASSWORD=p", nil, connection{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := config.Load(config.Sources{Environ: append([]string{"HOME=" + home}, strings.Split(c.env, "|")...), Flags: c.flags})
			if diff := cmp.Diff(c.want, connectionOf(got.NATS)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestContextsThatCannotBeUsed(t *testing.T) {
	home := contexts(t, map[string]string{
		"text":  "url: nats://a:4222",
		"nsc":   `{"url":"nats://a:4222","nsc":"nsc://o/a/u"}`,
		"proxy": `{"url":"nats://a:4222","socks_proxy":"socks5://p:1080"}`,
		"first": `{"url":"nats://a:4222","inbox_prefix":"_INBOX.>"}`,
	})
	for name, want := range map[string]string{
		"none":  "NATS_CONTEXT: nats.context (USHER_NATS_CONTEXT): names no context of the nats command",
		"text":  "text.json is not JSON",
		"nsc":   "nsc.json has nsc, which usher cannot use",
		"proxy": "proxy.json has socks_proxy, which usher cannot use",
		"first": "first.json: nats.inbox_prefix (USHER_NATS_INBOX_PREFIX): cannot be",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Load(config.Sources{Environ: []string{"HOME=" + home, "NATS_CONTEXT=" + name}})
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q in it", err, want)
			}
		})
	}
}
