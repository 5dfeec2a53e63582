package config_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/internal/config"
)

const miestroOn = "USHER_MIESTRO_API_KEY=k|USHER_MIESTRO_API_SECRET=s"

func TestFaults(t *testing.T) {
	for name, test := range map[string]struct {
		file string
		env  string // separated by |
		want []string
	}{
		"unknown key": {
			file: "log:\n  level: info\n  lvel: debug\n",
			want: []string{"usher.yaml:3: log.lvel: unknown key; did you mean level?"},
		},
		"unknown section": {
			file: "\nvendor: {}\n",
			want: []string{"usher.yaml:2: vendor: unknown key; did you mean vendors?"},
		},
		"key twice": {
			file: "source: /a\nsource: /b\n",
			want: []string{"usher.yaml:2: source (USHER_SOURCE): is repeated; keep one of them"},
		},
		"section that is a value": {
			file: "log: info\n",
			want: []string{"usher.yaml:1: log: cannot be one value; want settings below this key: format, level"},
		},
		"wrong kinds in the file": {
			file: "worker:\n  ack_wait: 30\n  max_ack_pending: many\nnats:\n  embedded: {sync: never}\n  max_bytes: big\n",
			want: []string{
				`usher.yaml:2: worker.ack_wait (USHER_WORKER_ACK_WAIT): cannot be "30"; want a duration such as 30s, 10m or 24h`,
				`usher.yaml:3: worker.max_ack_pending (USHER_WORKER_MAX_ACK_PENDING): cannot be "many"; want a whole number`,
				`usher.yaml:5: nats.embedded.sync (USHER_NATS_EMBEDDED_SYNC): cannot be "never"; want "always" or a duration such as 1s`,
				`usher.yaml:6: nats.max_bytes (USHER_NATS_MAX_BYTES): cannot be "big"; want a size such as 10GiB`,
			},
		},
		"limits of streams": {
			file: "nats:\n  storage: big\n  limits: {TIMERS: 1GiB}\n",
			want: []string{
				`usher.yaml:2: nats.storage (USHER_NATS_STORAGE): cannot be "big"; want "auto" or a size such as 100GiB`,
				`usher.yaml:3: nats.limits (USHER_NATS_LIMITS): has "TIMERS", which is no stream or bucket with a limit; remove it: a full stream with schedules would discard timers; the stream has one message per waiting user`,
			},
		},
		"wrong kinds in the environment": {
			env: "USHER_WORKER_ACK_WAIT=30|USHER_MIESTRO_RATE=fast",
			want: []string{
				`USHER_WORKER_ACK_WAIT: worker.ack_wait: cannot be "30"; want a duration such as 30s, 10m or 24h`,
				`USHER_MIESTRO_RATE: vendors.miestro.rate: cannot be "fast"; want a number`,
			},
		},
		"one token in several places": {
			file: "http:\n  tokens: [token-of-16-bytes, token-of-16-bytes]\n  clients:\n    - {name: crm, token: token-of-16-bytes}\nconsole:\n  people:\n    - {name: Ann, role: reader, token: token-of-16-bytes}\n",
			want: []string{
				"usher.yaml:4: http.clients: the token of the client crm is also the token of http.tokens; make a token for each place with: openssl rand -hex 32",
				"usher.yaml:7: console.people: the token of Ann is also the token of http.tokens; make a token for each place with: openssl rand -hex 32",
			},
		},
		"a short key of events": {
			env:  "USHER_NATS_EVENTS_KEYS=short",
			want: []string{"USHER_NATS_EVENTS_KEYS: nats.events_keys: holds a key of fewer than 16 bytes; make one with: openssl rand -hex 32"},
		},
		"notifications": {
			file: "notify:\n  console_url: usher\n  targets:\n    - {name: a, url: http://hooks.example.org/hidden, secrets: [whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA]}\n",
			want: []string{
				"usher.yaml:2: notify.console_url (USHER_NOTIFY_CONSOLE_URL): is no http or https URL; want a URL such as https://usher.example.org/console/",
				"usher.yaml:4: notify.targets: the URL of a is missing, or is no https URL; want https://host/path; http only for this machine",
			},
		},
		"a target without a secret": {
			file: "notify: {targets: [{name: a, url: https://hooks.example.org/hidden}]}\n",
			want: []string{"usher.yaml:1: notify.targets: a has no secret to sign with; make one with: echo whsec_$(openssl rand -base64 32)"},
		},
		"a short secret of a target": {
			file: "notify: {targets: [{name: a, url: https://hooks.example.org/hidden, secrets: [whsec_aGlkZGVu]}]}\n",
			want: []string{"usher.yaml:1: notify.targets: a secret of a is not whsec_ and 24 or more bytes in base64; make one with: echo whsec_$(openssl rand -base64 32)"},
		},
		"a secret for Slack": {
			file: "notify: {targets: [{name: a, format: slack, url: https://hooks.example.org/hidden, secrets: [whsec_aGlkZGVu]}]}\n",
			want: []string{"usher.yaml:1: notify.targets: a has a secret, and slack checks no signatures; remove the secret, or use the format standard"},
		},
		"an unknown kind of problems": {
			file: "notify: {targets: [{name: a, format: teams, url: https://hooks.example.org/hidden, kinds: [holds]}]}\n",
			want: []string{`usher.yaml:1: notify.targets: a cannot have the kind "holds"; want any of: hold, credentials, failing, dead, deletions, lag, storage`},
		},
		"an unknown key of a target": {
			file: "notify:\n  targets:\n    - {name: a, ulr: https://hooks.example.org/hidden}\n",
			want: []string{"usher.yaml:3: notify.targets: cannot be read: line 3: unknown key ulr: did you mean url?; want a list of name, format, url or url_file, secrets or secrets_file, kinds, ca"},
		},
		"one name of two targets, and one file too few": {
			file: "notify: {targets: [{name: a, format: slack, url_file: /none/url}, {name: a}]}\n",
			want: []string{"usher.yaml:1: notify.targets: names a file that cannot be read: open /none/url: no such file or directory; name a file that this process may read"},
		},
		"an unknown order": {
			file: "order:\n  /crm: place\n",
			want: []string{`usher.yaml:2: order: "/crm" has the order "place"; want position or time`},
		},
		"proxies and quotas": {
			file: "http:\n  trusted_proxies: [10.0.0.0/8, proxy]\n  clients:\n    - {name: crm, token: token-of-16-bytes, hourly_events: -1}\n",
			want: []string{
				`usher.yaml:2: http.trusted_proxies (USHER_HTTP_TRUSTED_PROXIES): holds "proxy", which is neither an address nor a network; want addresses such as 10.0.0.7, or networks such as 10.0.0.0/8`,
				"usher.yaml:4: http.clients: hourly_events of crm is below zero; want a number of events, or 0 for no limit",
			},
		},
		"connections to a vendor": {
			file: "vendors:\n  lead:\n    ca: /none/ca.pem\n    key: /none/key.pem\n  miestro:\n    proxy: user:s3cr3t@proxy:3128\n",
			env:  "USHER_MEIRO_PROXY=on|USHER_USERMOST_CERT=/none/c.pem",
			want: []string{
				"usher.yaml:6: vendors.miestro.proxy (USHER_MIESTRO_PROXY): is not the URL of a proxy; want http://host:port, https://host:port, socks5://host:port or off",
				"USHER_MEIRO_PROXY: vendors.meiro.proxy: is not the URL of a proxy; want http://host:port, https://host:port, socks5://host:port or off",
				"usher.yaml:3: vendors.lead.ca (USHER_LEAD_CA): names a file that cannot be read: no such file or directory; name a PEM file with certificates that this process may read",
				"vendors.lead.cert (USHER_LEAD_CERT): is missing, though key is set; set both or neither",
				"vendors.usermost.key (USHER_USERMOST_KEY): is missing, though cert is set; set both or neither",
			},
		},
		"not YAML": {
			file: "log:\n\tlevel: info\n",
			want: []string{"usher.yaml: not YAML: line 2: begins with a tab: indent with blanks; the file must be one YAML document"},
		},
		"not YAML in the first line": {
			file: "%log: info\n",
			want: []string{"usher.yaml: not YAML: line 1: found unexpected non-alphabetical character; the file must be one YAML document"},
		},
		"a brace that stays open": {
			file: "source: /a\nhttp: {tokens: [x]\nlog: {}\n",
			want: []string{"usher.yaml: not YAML: line 2: did not find expected ',' or '}' in the list or the mapping at this line; the file must be one YAML document"},
		},
		"a tab in the first line": {
			file: "\tlog: info\n",
			want: []string{"usher.yaml: not YAML: line 1: begins with a tab: indent with blanks; the file must be one YAML document"},
		},
		"a number for a map": {
			file: "source: /a\ncourses: {y: 4}\n",
			want: []string{"usher.yaml:2: courses: cannot be read: line 2: cannot be a number; want our course id → vendor → the vendor's course id"},
		},
		"an alias of nothing": {
			file: "http: {tokens: [*hidden]}\n",
			want: []string{"usher.yaml: not YAML: line 1: a value begins with *, as a reference of YAML: put the value in quotes; the file must be one YAML document"},
		},
		"two documents": {
			file: "source: /a\n---\nsource: /b\n",
			want: []string{"usher.yaml: has more than one document; the file must be one YAML document"},
		},
		"a map that holds itself": {
			file: "nats: &n\n  <<: *n\n",
			want: []string{"usher.yaml:1: nats: cannot be one value; want settings below this key: api_prefix, audit_api_prefix, audit_key, audit_max_age, ca, cert, context, creds, dead_max_age, domain, duplicate_window, embedded, events_keys, events_max_age, events_prefix, events_stream, history_max_age, inbox_prefix, key, limits, max_bytes, nkey, password, prefix, replicas, results_max_age, results_prefix, storage, tls_first, token, url, user"},
		},
		"names for NATS": {
			env: "USHER_NATS_URL=nats://nats:4222|USHER_NATS_PREFIX=Big.One|USHER_NATS_EVENTS_PREFIX=prod.|USHER_NATS_RESULTS_PREFIX=a b|USHER_NATS_INBOX_PREFIX=_INBOX.>|USHER_NATS_DOMAIN=hub.x",
			want: []string{
				`USHER_NATS_PREFIX: nats.prefix: cannot be "Big.One"; want up to 32 lower-case letters, digits and _, such as staging`,
				`USHER_NATS_EVENTS_PREFIX: nats.events_prefix: cannot be "prod."; want a subject without wildcards and without a dot at the end`,
				`USHER_NATS_RESULTS_PREFIX: nats.results_prefix: cannot be "a b"; want a subject without wildcards and without a dot at the end`,
				`USHER_NATS_INBOX_PREFIX: nats.inbox_prefix: cannot be "_INBOX.>"; want a subject without wildcards and without a dot at the end`,
				`USHER_NATS_DOMAIN: nats.domain: cannot be "hub.x"; want the domain of a JetStream, one word without dots`,
			},
		},
		"two ways to a JetStream": {
			env:  "USHER_NATS_URL=nats://nats:4222|USHER_NATS_DOMAIN=hub|USHER_NATS_API_PREFIX=JS.hub.API",
			want: []string{"USHER_NATS_API_PREFIX: nats.api_prefix: is set, and so is nats.domain: these are two ways to one JetStream; keep one of: nats.domain, nats.api_prefix"},
		},
		"part of the credentials": {
			env: "USHER_MIESTRO_API_KEY=hidden|USHER_LEAD_EMAIL=a@example.com",
			want: []string{
				"vendors.miestro.api_secret (USHER_MIESTRO_API_SECRET): is missing, though other credentials of miestro are set; set USHER_MIESTRO_API_SECRET, or vendors.miestro.api_secret in the file",
				"vendors.lead.password (USHER_LEAD_PASSWORD): is missing, though other credentials of lead are set; set USHER_LEAD_PASSWORD, or vendors.lead.password in the file",
				"vendors.lead.base_url (USHER_LEAD_BASE_URL): is missing, though other credentials of lead are set; set USHER_LEAD_BASE_URL, or vendors.lead.base_url in the file",
			},
		},
		"base URL that is missing": {
			env:  "USHER_MEIRO_ACCESS_TOKEN=t",
			want: []string{"vendors.meiro.base_url (USHER_MEIRO_BASE_URL): is missing, though meiro is on; set USHER_MEIRO_BASE_URL, or vendors.meiro.base_url in the file"},
		},
		"app of the readers": {
			env:  "USHER_MAGLOFT_ACCESS_TOKEN=t|USHER_MAGLOFT_MODE=readers",
			want: []string{"vendors.magloft.app_id (USHER_MAGLOFT_APP_ID): is missing, though magloft is on; set USHER_MAGLOFT_APP_ID, or vendors.magloft.app_id in the file"},
		},
		"two ways into Meiro": {
			env:  "USHER_MEIRO_BASE_URL=https://m.example|USHER_MEIRO_ACCESS_TOKEN=t|USHER_MEIRO_EMAIL=a@example.com|USHER_MEIRO_PASSWORD=p",
			want: []string{"USHER_MEIRO_ACCESS_TOKEN: vendors.meiro.access_token: is set together with the log-in by e-mail, which would be ignored; keep the access token, or the e-mail and the password"},
		},
		"words": {
			env: "USHER_LOG_LEVEL=loud|USHER_MEIRO_MODE=staff",
			want: []string{
				`USHER_LOG_LEVEL: log.level: cannot be "loud"; want one of: trace, debug, info, warn, error`,
				`USHER_MEIRO_MODE: vendors.meiro.mode: cannot be "staff"; want one of: operators, customers`,
			},
		},
		"base URLs": {
			env: "USHER_MIESTRO_BASE_URL=api.miestro.com|USHER_MAGLOFT_BASE_URL=https://u:hidden@m.example|USHER_USERMOST_BASE_URL=ftp://h",
			want: []string{
				"USHER_MIESTRO_BASE_URL: vendors.miestro.base_url: is not the URL of an API; want https://host/path",
				"USHER_MAGLOFT_BASE_URL: vendors.magloft.base_url: has a user, a query or a fragment; set only the URL; credentials have settings of their own",
				"USHER_USERMOST_BASE_URL: vendors.usermost.base_url: is not the URL of an API; want https://host/path",
			},
		},
		"traces": {
			env: "USHER_TRACES_ENDPOINT=localhost:4318|USHER_TRACES_HEADERS=hidden|USHER_TRACES_RATIO=1.5",
			want: []string{
				"USHER_TRACES_ENDPOINT: traces.endpoint: is not the URL of a collector; want http://host:4318 or https://host, without user and query; credentials go into traces.headers",
				"USHER_TRACES_HEADERS: traces.headers: has a malformed header; want name=value, several separated by commas",
				"USHER_TRACES_RATIO: traces.ratio: cannot be 1.5; want a share from 0 to 1",
			},
		},
		"a collector with a password": {
			env:  "USHER_TRACES_ENDPOINT=https://u:hidden@c.example",
			want: []string{"USHER_TRACES_ENDPOINT: traces.endpoint: is not the URL of a collector; want http://host:4318 or https://host, without user and query; credentials go into traces.headers"},
		},
		"nobody to act": {
			env:  "USHER_WORKER_ON=false",
			want: []string{"USHER_WORKER_ON: worker.on: is false, and no other process can work on the events of the embedded server; set nats.url to a server that other processes reach"},
		},
		"nothing to do": {
			env:  "USHER_WORKER_ON=false|USHER_HTTP_EVENTS=false|USHER_NATS_URL=nats://a:4222",
			want: []string{"USHER_WORKER_ON: worker.on: is false, and no events are accepted over HTTP either: nothing is left to do; turn worker.on on, or http.events and http.addr"},
		},
		"neither true nor false": {
			env:  "USHER_WORKER_ON=maybe",
			want: []string{`USHER_WORKER_ON: worker.on: cannot be "maybe"; want true or false`},
		},
		"open to the network": {
			env: "USHER_HTTP_ADDR=:8080|USHER_NATS_EMBEDDED_ADDR=0.0.0.0:4222",
			want: []string{
				`USHER_HTTP_ADDR: http.addr: ":8080" is open to the network without a token; set http.tokens (USHER_HTTP_TOKENS), or listen on 127.0.0.1, or turn http.events off`,
				`USHER_NATS_EMBEDDED_ADDR: nats.embedded.addr: "0.0.0.0:4222" is open to the network without credentials; set nats.token, or nats.user and nats.password, or listen on 127.0.0.1`,
			},
		},
		"no address": {
			env:  "USHER_HTTP_ADDR=8080",
			want: []string{`USHER_HTTP_ADDR: http.addr: cannot be "8080"; want host:port, such as 127.0.0.1:8080, or off`},
		},
		"NATS": {
			env: "USHER_NATS_URL=http://nats|USHER_NATS_USER=u|USHER_NATS_CREDS=/nowhere/a.creds|USHER_NATS_REPLICAS=2",
			want: []string{
				"USHER_NATS_URL: nats.url: has a value that is not the URL of a NATS server; want nats://host:4222, several separated by commas",
				"nats.password (USHER_NATS_PASSWORD): is missing, though nats.user is set; set both or neither",
				"USHER_NATS_USER: nats.user: is set, and so is nats.creds: these are two ways to log in; keep one of: nats.creds, nats.user",
				"USHER_NATS_CREDS: nats.creds: names a file that cannot be read: no such file or directory; name a file that this process may read",
				"USHER_NATS_REPLICAS: nats.replicas: cannot be 2; want 1, 3 or 5",
			},
		},
		"replicas of one": {
			env:  "USHER_NATS_REPLICAS=3",
			want: []string{"USHER_NATS_REPLICAS: nats.replicas: is more than 1, but the embedded server is alone; set nats.url to a cluster, or nats.replicas to 1"},
		},
		"secret twice": {
			env:  "USHER_MIESTRO_API_KEY=hidden|USHER_MIESTRO_API_KEY_FILE=/nowhere|USHER_MIESTRO_API_SECRET=s",
			want: []string{"vendors.miestro.api_key (USHER_MIESTRO_API_KEY): is set twice: USHER_MIESTRO_API_KEY and USHER_MIESTRO_API_KEY_FILE; keep one of them"},
		},
		"secret file that is not there": {
			env:  "USHER_HTTP_TOKENS_FILE=/nowhere/tokens",
			want: []string{"http.tokens (USHER_HTTP_TOKENS): the file that USHER_HTTP_TOKENS_FILE names cannot be read: open /nowhere/tokens: no such file or directory; name a file with only the secret"},
		},
		"secrets of the wrong kind": {
			file: "http:\n  tokens: {a: hidden}\nvendors:\n  miestro:\n    api_key: [hidden]\n    api_secret: s\n",
			want: []string{
				"usher.yaml:2: http.tokens (USHER_HTTP_TOKENS): cannot be read; want a list of tokens",
				"usher.yaml:5: vendors.miestro.api_key (USHER_MIESTRO_API_KEY): cannot be read; want one text",
			},
		},
		"secret of two lines": {
			env:  "USHER_MIESTRO_API_KEY=hid\nden|USHER_MIESTRO_API_SECRET=s",
			want: []string{"USHER_MIESTRO_API_KEY: vendors.miestro.api_key: holds a line end or another control character; set only the secret"},
		},
		"courses": {
			file: "courses:\n  go:\n    miestro: 1\n    moodle: 2\n  js:\n    lead:\n",
			want: []string{
				"usher.yaml:4: courses.go.moodle: is not the name of a vendor; want one of: miestro, meiro, lead, magloft, usermost, scim",
				"usher.yaml:6: courses.js.lead: is empty; set the vendor's id of the course, or remove the line",
			},
		},
		"courses that a vendor cannot have": {
			file: "courses:\n  go: {miestro: abc, lead: 0, magloft: news}\n  js: {miestro: 1, lead: 12, magloft: subscription, usermost: abc, meiro: abc}\n",
			want: []string{
				`usher.yaml:2: courses.go.lead: cannot be "0"; want the number of the course at the vendor`,
				`usher.yaml:2: courses.go.magloft: cannot be "news"; want subscription, or the number of a classification`,
				`usher.yaml:2: courses.go.miestro: cannot be "abc"; want the number of the course at the vendor`,
			},
		},
		"course that is a list": {
			file: "courses:\n  go:\n    miestro: [1]\n",
			want: []string{"usher.yaml:2: courses: cannot be read: line 3: cannot be a list; want our course id → vendor → the vendor's course id"},
		},
		"below zero": {
			env: "USHER_WORKER_SHUTDOWN=0s|USHER_MIESTRO_CONCURRENCY=0|USHER_MIESTRO_RATE=-1|USHER_LEAD_TIMEOUT=-1s",
			want: []string{
				"USHER_WORKER_SHUTDOWN: worker.shutdown: must be above zero; want a duration such as 30s, 10m or 24h",
				"USHER_MIESTRO_RATE: vendors.miestro.rate: must be zero (no limit) or above; want calls per second, such as 5",
				"USHER_MIESTRO_CONCURRENCY: vendors.miestro.concurrency: must be at least 1; want a whole number",
				"USHER_LEAD_TIMEOUT: vendors.lead.timeout: must be above zero; want a duration such as 30s, 10m or 24h",
			},
		},
		"call that outlasts its lease": {
			env: miestroOn + "|USHER_MIESTRO_TIMEOUT=20s",
			want: []string{
				"worker.call_lease (USHER_WORKER_CALL_LEASE): 12s is less than vendors.miestro.timeout (20s) and 1s: a call that begins within its lease could not end within it; raise worker.call_lease or lower vendors.miestro.timeout",
			},
		},
		"results that leave too soon": {
			env: miestroOn + "|USHER_NATS_RESULTS_MAX_AGE=167h",
			want: []string{
				"USHER_NATS_RESULTS_MAX_AGE: nats.results_max_age: 167h is less than activity.memory (168h): the results are the memory of activities, and an older activity would be done twice; raise nats.results_max_age or lower activity.memory",
			},
		},
		"ages": {
			env: miestroOn + "|USHER_MIESTRO_MAX_AGE=5m|USHER_NATS_DUPLICATE_WINDOW=721h|USHER_ACTIVITY_MEMORY=1m",
			want: []string{
				"nats.results_max_age (USHER_NATS_RESULTS_MAX_AGE): 720h is less than nats.duplicate_window (721h): NATS refuses a stream that forgets a message before its id; raise nats.results_max_age or lower nats.duplicate_window",
				"nats.events_max_age (USHER_NATS_EVENTS_MAX_AGE): 720h is less than nats.duplicate_window (721h): NATS refuses a stream that forgets a message before its id; raise nats.events_max_age or lower nats.duplicate_window",
				"USHER_MIESTRO_MAX_AGE: vendors.miestro.max_age: 5m is less than worker.prerequisite_wait (10m): an effect would be given up while it may still wait; raise vendors.miestro.max_age or lower worker.prerequisite_wait",
				"USHER_ACTIVITY_MEMORY: activity.memory: 1m is less than vendors.miestro.max_age (5m): an activity would be forgotten while it is tried again, and could be done twice; raise activity.memory or lower vendors.miestro.max_age",
			},
		},
		"events that leave too soon": {
			env: miestroOn + "|USHER_NATS_EVENTS_MAX_AGE=12h",
			want: []string{
				"USHER_NATS_EVENTS_MAX_AGE: nats.events_max_age: 12h is less than vendors.miestro.max_age (24h) and 1s: an event would leave the stream before it is given up, and be lost without a dead letter; raise nats.events_max_age or lower vendors.miestro.max_age",
			},
		},
		"no room to wait": {
			env: miestroOn + "|USHER_WORKER_MAX_ACK_PENDING=16",
			want: []string{
				"USHER_WORKER_MAX_ACK_PENDING: worker.max_ack_pending: 16 is not above vendors.miestro.concurrency (16): activity at work would leave no room for more; raise worker.max_ack_pending or lower vendors.miestro.concurrency",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			from := config.Sources{Environ: strings.Split(test.env, "|"), Vendors: defaults().sections()}
			folder := ""
			if test.file != "" {
				from.Path = write(t, "usher.yaml", test.file)
				folder = strings.TrimSuffix(from.Path, "usher.yaml")
			}
			_, err := config.Load(from)
			got := strings.Split(strings.ReplaceAll(fmt.Sprint(err), folder, ""), "\n")
			if folder == "" {
				got = strings.Split(fmt.Sprint(err), "\n")
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if strings.Contains(fmt.Sprint(err), "hidden") {
				t.Error("the error shows a secret")
			}
			if got := len(config.Faults(err)); got != len(test.want) {
				t.Errorf("got %d faults, want %d", got, len(test.want))
			}
		})
	}
}

func TestAllSourcesAtOnce(t *testing.T) {
	_, err := config.Load(config.Sources{
		Path:    write(t, "usher.yaml", "sauce: /a\nworker: {ack_wait: soon}\n"),
		Environ: []string{"USHER_LOG_LEVEL=loud", "USHER_MIESTRO_API_KEY=k"},
		Flags:   map[string]string{"http.addr": "8080", "no.such": "x", "courses": "x"},
		Vendors: defaults().sections(),
	})
	var got []string
	for _, fault := range config.Faults(err) {
		got = append(got, fault.Key)
	}
	want := []string{"sauce", "worker.ack_wait", "courses", "no.such", "log.level", "http.addr", "vendors.miestro.api_secret"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestFileThatIsNotThere(t *testing.T) {
	_, err := config.Load(config.Sources{Path: "/nowhere/usher.yaml"})
	if err == nil || !strings.Contains(err.Error(), "/nowhere/usher.yaml") {
		t.Errorf("got %v, want one that names the file", err)
	}
}

func TestRequireVendor(t *testing.T) {
	err := withDefaults().RequireVendor()
	for _, want := range []string{
		"USHER_MIESTRO_API_KEY, USHER_MIESTRO_API_SECRET", "USHER_MEIRO_EMAIL", "USHER_LEAD_PASSWORD",
		"USHER_MAGLOFT_ACCESS_TOKEN", "USHER_USERMOST_LICENSE_CODE, USHER_USERMOST_API_KEY",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s in it", err, want)
		}
	}
}

// One that only takes events in needs no vendor; one that takes none needs no token.
func TestParts(t *testing.T) {
	t.Chdir(t.TempDir())
	c := load(t, config.Sources{Environ: []string{"USHER_WORKER_ON=false", "USHER_NATS_URL=nats://a:4222"}})
	if err := c.RequireVendor(); err != nil {
		t.Errorf("a process that only takes events in: %v", err)
	}
	load(t, config.Sources{Environ: append(strings.Split(miestroOn, "|"), "USHER_HTTP_EVENTS=false", "USHER_HTTP_ADDR=:8080")})
}

func TestWarnings(t *testing.T) {
	for name, test := range map[string]struct{ env, want string }{
		"a slip":                   {"USHER_HTTP_TOKEN=t", "USHER_HTTP_TOKEN is not read by anything: did you mean USHER_HTTP_TOKENS?"},
		"nobody's":                 {"USHER_COLOUR=red", "USHER_COLOUR is not read by anything"},
		"a file that is no secret": {"USHER_LEAD_EMAIL_FILE=/x", "USHER_LEAD_EMAIL_FILE is not read: only secrets are read from files; set USHER_LEAD_EMAIL"},
		"two servers": {
			miestroOn + "|USHER_NATS_URL=nats://n:4222|USHER_NATS_EMBEDDED_ADDR=127.0.0.1:4222",
			"nats.embedded.addr (USHER_NATS_EMBEDDED_ADDR) is ignored: nats.url is set (USHER_NATS_URL), so no embedded server runs",
		},
		"in the clear": {
			miestroOn + "|USHER_MIESTRO_BASE_URL=http://vendor.test",
			"vendors.miestro.base_url is http: credentials and personal data are sent unencrypted; use https",
		},
		"settings of a vendor that is off": {
			"USHER_MAGLOFT_RATE=1", "magloft has settings but is off: set USHER_MAGLOFT_ACCESS_TOKEN",
		},
		"a short shutdown": {
			miestroOn + "|USHER_WORKER_SHUTDOWN=5s",
			"worker.shutdown (5s) is shorter than vendors.miestro.timeout (10s) and 1s: a call that is cut off must be looked up again after the restart",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			c := load(t, config.Sources{Environ: strings.Split(test.env+"|HOME=/|OTHER_USHER_X=1|USHER_SERVICE_HOST=10.0.0.1|USHER_PORT_8080_TCP_ADDR=10.0.0.1|USHER_PORT=tcp://10.0.0.1:8080", "|")})
			if diff := cmp.Diff([]string{test.want}, c.Warnings()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// shownConfig has a value from each source, and a secret in every place.
func shownConfig(t *testing.T) (config.Config, *all) {
	t.Helper()
	return loadAll(t, config.Sources{
		Path: write(t, "usher.yaml", "http:\n  tokens: [hidden-hidden-hidden, hidden-hidden-hidden]\nvendors:\n  miestro: {api_key: hidden}\ncourses: {go-basics: {miestro: 1}}\n"),
		Environ: []string{
			"USHER_MIESTRO_API_SECRET_FILE=" + write(t, "secret", "hidden"),
			"USHER_NATS_URL=nats://u:hidden@a:4222",
			"USHER_MEIRO_COLLECT_URL=https://p.example/collect/x?token=hidden",
		},
		Flags: map[string]string{"log.level": "debug"},
	})
}

func TestShow(t *testing.T) {
	c, _ := shownConfig(t)
	got := map[string]string{}
	for _, line := range c.Show() {
		from := line.From[strings.LastIndex(line.From, "/")+1:]
		got[line.Key] = fmt.Sprintf("%s | %s | %s", line.Text(), from, line.Variable)
	}
	for key, want := range map[string]string{
		"worker.ack_wait":            "8s | default | USHER_WORKER_ACK_WAIT",
		"nats.events_max_age":        "720h | default | USHER_NATS_EVENTS_MAX_AGE",
		"nats.embedded.sync":         "always | default | USHER_NATS_EMBEDDED_SYNC",
		"nats.url":                   "nats://[redacted]@a:4222 | USHER_NATS_URL | USHER_NATS_URL",
		"http.tokens":                "[redacted], [redacted] | usher.yaml:2 | USHER_HTTP_TOKENS",
		"courses":                    `{"go-basics":{"miestro":"1"}} | usher.yaml:5 | `,
		"log.level":                  "debug | flag | USHER_LOG_LEVEL",
		"vendors.miestro.api_key":    "[redacted] | usher.yaml:4 | USHER_MIESTRO_API_KEY",
		"vendors.miestro.api_secret": "[redacted] | USHER_MIESTRO_API_SECRET_FILE | USHER_MIESTRO_API_SECRET",
		"vendors.meiro.collect_url":  "https://p.example/collect/x?[redacted] | USHER_MEIRO_COLLECT_URL | USHER_MEIRO_COLLECT_URL",
		"vendors.usermost.rate":      "50 | default | USHER_USERMOST_RATE",
	} {
		if got[key] != want {
			t.Errorf("%s: got %q, want %q", key, got[key], want)
		}
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	c, v := shownConfig(t)
	var text strings.Builder
	for _, line := range c.Show() {
		fmt.Fprintln(&text, line.Key, line.Text())
	}
	asJSON, err := json.Marshal(c.Show())
	if err != nil {
		t.Fatal(err)
	}
	c.NATS.URL, v.Meiro.CollectURL = "", "" // texts, which Show and Servers take care of
	plain, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for name, out := range map[string]string{
		"table": text.String(), "json": string(asJSON), "%+v": fmt.Sprintf("%+v %+v", c, *v), "%#v": fmt.Sprintf("%#v %#v", c, *v), "marshal": string(plain),
	} {
		if strings.Contains(out, "hidden") {
			t.Errorf("%s shows a secret:\n%s", name, out)
		}
	}
}

// Every key has the one variable that its path makes, so that nobody has to look
// it up; those of the design are held to their exact names by TestVariables.
func TestVariablesFollowFromKeys(t *testing.T) {
	for _, line := range withDefaults().Show() {
		path := strings.TrimPrefix(line.Key, "vendors.")
		want := "USHER_" + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
		if !slices.Contains([]string{"courses", "order", "webhooks", "from", "http.clients", "console.people", "console.oidc.rules", "notify.targets"}, line.Key) && line.Variable != want {
			t.Errorf("%s: got %s, want %s", line.Key, line.Variable, want)
		}
	}
}
