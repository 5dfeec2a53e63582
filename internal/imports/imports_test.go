// Package imports checks the imports between packages. Imports run downwards only: a package that
// imports upwards or sideways can no longer be read, tested or replaced alone.
package imports_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	module = "github.com/usherhq/usher/"
	nats   = "github.com/nats-io/..."
)

// rule lists the packages of this module and of NATS that the packages of a folder may import.
// The pattern "x/..." matches x and everything below; "x/*" matches the folders right below x.
type rule struct {
	folder string
	may    []string
	reason string // completes "package x …"
}

// rules is the table of allowed imports. The first rule with a matching folder counts.
var rules = []rule{
	{"cmd/...", []string{"...", nats}, "connects all parts, and no package imports cmd"},
	{
		"internal/cli/...",
		[]string{
			"internal/cli/...", "internal/engine", "internal/ops", "internal/notify", "internal/masking", "internal/reconcile", "internal/recordstore", "internal/natsconn", "internal/natsrights", "internal/streams/...",
			"internal/deletionguard", "internal/mailbox", "internal/config", "internal/scenario", "vendors/sandbox", "vendors/httpapi/...", "examples/vendors", "handlers", "events", "schemas", "vendors", "bounded", nats,
		},
		"reads arguments, prints answers, and knows no vendor by name",
	},
	{
		"internal/engine",
		[]string{
			"internal/core", "internal/pause", "internal/upgrade", "internal/ops", "internal/notify", "internal/console", "internal/clientlimit", "internal/ingest/...", "internal/telemetry", "internal/history",
			"internal/mailbox", "internal/deletionguard", "internal/natsconn", "internal/profile", "internal/rules", "internal/streams/...", "internal/config", "handlers", "events", "schemas", "vendors", "bounded", nats,
		},
		"runs the workers of the vendors in the catalog and the HTTP server, and knows no vendor by name",
	},
	{".", []string{"internal/cli/...", "internal/engine", "internal/config", "vendors/...", "handlers", "events", "schemas"}, "is the command for programs with vendors of their own, and lists all vendors"},
	{"scripts/...", nil, "reads a finished binary, not the source"},

	{
		"internal/ingest",
		[]string{"internal/ingest/...", "internal/clientlimit", "internal/streams", "internal/telemetry", "events", "schemas", "vendors", "bounded"},
		"stores events and does not act on events",
	},
	{"internal/clientlimit", nil, "reads addresses and rates of requests, never the content"},
	{
		"internal/ingest/signature",
		[]string{"vendors"},
		"verifies headers and bytes without reading the content",
	},
	{"internal/ingest/sns", nil, "verifies a body by a certificate of one host"},
	{
		"internal/ingest/mapping",
		[]string{"internal/expression", "events", "schemas"},
		"maps payloads to events, independent of senders and vendors",
	},
	{
		"internal/console",
		[]string{"internal/ops", "internal/notify", "internal/clientlimit", "internal/masking", "internal/streams", "events", "schemas", "vendors"},
		"shows and does only the work of ops, like the commands",
	},
	{
		"internal/ops",
		[]string{"internal/mailbox/...", "internal/recordstore", "internal/profile", "internal/emailindex", "internal/history", "internal/memory", "internal/notify", "internal/streams/...", "internal/deletionguard", "internal/fairness", "internal/pause", "internal/telemetry", "internal/ingest/mapping", "internal/config", "handlers", "events", "schemas", "vendors"},
		"serves people from the records and the streams, and knows no vendor by name",
	},
	{
		"internal/reconcile",
		[]string{"internal/mailbox/record", "internal/recordstore", "internal/streams", "events", "vendors"},
		"only reads vendors and records: events repair the differences",
	},
	{"internal/notify", []string{"internal/streams", "internal/pause", "vendors", "bounded"}, "sends problems, and finds none"},
	{"internal/deletionguard", []string{"internal/streams"}, "counts deletions, independent of the calls"},
	{"internal/fairness", nil, "counts calls, users and time, independent of vendors and records"},
	{"internal/natstest", []string{"internal/natsconn", "internal/streams/...", nats}, "starts NATS for tests; only tests may import natstest"},
	{"internal/natsrights", []string{"internal/streams"}, "lists rights on NATS by the names of the streams"},
	{"internal/natsconn", []string{"bounded", nats}, "connects to NATS, without knowledge of streams"},
	{"internal/history", []string{"internal/streams", "events", nats}, "stores finished effects for people; the rules of the mailbox never read the history"},
	{"internal/streams/admin", []string{"internal/streams", "events", nats}, "creates and changes streams, for the start of a process and for commands"},
	{"internal/streams", []string{"internal/pause", "events", nats}, "stores messages under subjects; the mailbox defines the meaning"},
	{
		"internal/upgrade",
		[]string{"internal/streams/...", "events", nats},
		"migrates streams and consumers of a former version, without records and vendors",
	},
	{
		"internal/core",
		[]string{"internal/mailbox/...", "internal/activity", "internal/memory", "internal/intake", "internal/streams", "internal/fairness", "internal/pause", "internal/profile", "handlers", "events", "vendors", nats},
		"connects the parts of the core to the streams, without rules",
	},
	{"internal/memory/index", nil, "keeps fingerprints, whatever they stand for"},
	{"internal/memory", []string{"internal/memory/index", "internal/streams", "internal/pause", "events"}, "reads and stores results and segments; the mailbox decides"},
	{
		"internal/activity",
		[]string{"internal/mailbox", "internal/fairness", "internal/pause"},
		"passes activity to the mailbox; NATS is behind interfaces",
	},
	{
		"internal/intake",
		[]string{"internal/mailbox/...", "internal/pause", "events"},
		"reads events in order and passes them to the mailbox; NATS is behind interfaces",
	},
	{"internal/recordstore", []string{"internal/mailbox/record", "internal/streams"}, "reads and changes records outside of the mailboxes, without rules"},
	{"internal/mailbox/record", []string{"events"}, "holds the record and the rules as pure functions, so that each rule can be tested alone"},
	{
		"internal/mailbox",
		[]string{"internal/mailbox/record", "internal/history", "internal/fairness", "internal/streams", "internal/deletionguard", "internal/telemetry", "internal/pause", "internal/profile", "handlers", "events", "vendors"},
		"works on one user at a time; vendors and NATS are behind interfaces",
	},
	{"tools/cmd/...", []string{"tools/..."}, "starts the benchmarks"},
	{"tools/process", nil, "starts any program"},
	{
		"tools/environment",
		[]string{"tools/process", "events", "internal/scenario", "vendors/sandbox", nats},
		"starts programs and publishes events, and knows no more of usher than a producer",
	},
	{
		"tools/recovery",
		[]string{"tools/environment", "tools/process", "events", "internal/scenario", "vendors/sandbox", nats},
		"judges as tools/isolation does, and damages streams by their names",
	},
	{
		"tools/hostile",
		[]string{"tools/environment", "tools/process", "events", "vendors/sandbox", nats},
		"attacks as senders and vendors do, so that no change of the core changes the attacks",
	},
	{
		"tools/isolation",
		[]string{"tools/environment", "tools/process", "events", "internal/scenario", "vendors/sandbox", nats},
		"checks with the knowledge of producers and readers of results only, so that no change of the core changes the checks",
	},
	{
		"tools/*",
		[]string{"tools/process", "events", "internal/natsconn", "internal/streams/...", "internal/scenario", "vendors/sandbox", nats},
		"checks and measures from outside: shared code would hide the faults of the core",
	},
	{"examples/vendors", nil, "has files"},
	{"examples/outbox", []string{nats}, "is copied into programs of producers"},
	{"internal/scenario", []string{"events", nats}, "creates events, independent of the worker"},
	{"internal/expression", []string{"events"}, "compiles and evaluates expressions, without knowledge of the variables"},
	{"internal/rules", []string{"internal/expression", "handlers", "events", "schemas", "vendors"}, "evaluates the rules of a team as pure functions of a profile and an event"},
	{"internal/yamlfault", nil, "reads errors of the parser, whatever the file describes"},
	{"internal/keyfile", []string{"bounded"}, "reads a key, for the configuration and for profiles"},
	{"internal/profile", []string{"internal/keyfile", "internal/streams", "events"}, "merges events into profiles, without knowledge of the rules"},
	{"internal/emailindex", []string{"internal/keyfile", "internal/streams", "events", "vendors"}, "finds users by keyed hashes, without knowledge of the readers of events"},
	{"internal/masking", nil, "masks texts, whoever shows them"},
	{"internal/spelling", nil, "compares names, whatever is named"},
	{"internal/pause", nil, "waits, without knowledge of the step"},
	{"internal/telemetry", []string{"events"}, "is imported by all of internal, and stands below"},
	{"internal/config", []string{"internal/keyfile", "internal/rules", "internal/spelling", "internal/yamlfault", "vendors", "bounded"}, "holds values, and reads the settings of vendors by struct tags: a sixth vendor needs no change"},

	{"handlers/...", []string{"vendors", "events"}, "maps values to values: no NATS, no record, no vendor's folder"},
	{"schemas", []string{"events", "internal/spelling"}, "describes data"},
	{"events", []string{"bounded"}, "defines the terms of all packages"},
	{"bounded", nil, "counts bytes and values, whatever sent them"},

	{"vendors", []string{"bounded"}, "defines the terms of all vendors"},
	{"vendors/sandbox/...", []string{"vendors", "vendors/sandbox/...", "schemas"}, "simulates the vendors without the clients: shared code would hide mistakes"},
	{"vendors/vendortest/memnet", nil, "is a network in memory for tests only"},
	{"vendors/vendortest", []string{"vendors", "vendors/sandbox", "vendors/vendortest/memnet", "schemas"}, "is the test suite of all vendors"},
	{"vendors/httpapi/filetest", []string{"vendors", "vendors/httpapi", "vendors/sandbox", "vendors/vendortest"}, "tests descriptions of APIs, also in a command"},
	{"vendors/httpapi", []string{"internal/expression", "internal/spelling", "internal/yamlfault", "vendors", "bounded"}, "knows APIs only by their descriptions"},
	{"vendors/*", []string{"vendors"}, "can be read, tested and removed alone"},
}

// matches reports whether a pattern matches an import or a folder.
func matches(pattern, name string) bool {
	if below, ok := strings.CutSuffix(pattern, "..."); ok {
		return strings.HasPrefix(name+"/", below)
	}
	if above, ok := strings.CutSuffix(pattern, "/*"); ok {
		rest, below := strings.CutPrefix(name, above+"/")
		return below && !strings.Contains(rest, "/")
	}
	return pattern == name
}

// check returns the forbidden imports of the package in folder.
func check(folder string, imports []string) []string {
	i := slices.IndexFunc(rules, func(r rule) bool { return matches(r.folder, folder) })
	if i < 0 {
		return []string{folder + " has no rule: add a rule with the reason to the table"}
	}
	var faults []string
	for _, name := range imports {
		ours, isOurs := strings.CutPrefix(name, module)
		if !isOurs && !matches(nats, name) {
			continue
		}
		if !slices.ContainsFunc(rules[i].may, func(pattern string) bool { return matches(pattern, ours) }) {
			faults = append(faults, fmt.Sprintf("package %s imports %s, which is not allowed: package %s %s", folder, ours, folder, rules[i].reason))
		}
	}
	return faults
}

func TestImports(t *testing.T) {
	packages := packagesBelow(t, filepath.Join("..", ".."))
	for _, must := range []string{"events", "handlers", "vendors", "internal/config"} {
		if packages[must] == nil {
			t.Errorf("package %s was not found: the test reads the wrong folder", must)
		}
	}
	for _, folder := range slices.Sorted(maps.Keys(packages)) {
		for _, fault := range check(folder, packages[folder]) {
			t.Error(fault)
		}
	}
}

func TestCheck(t *testing.T) {
	const jetstream = "github.com/nats-io/nats.go/jetstream"
	for name, test := range map[string]struct {
		folder  string
		imports []string
		faults  int
	}{
		"a vendor imports the terms":          {"vendors/miestro", []string{module + "vendors", "net/http"}, 0},
		"a vendor imports another":            {"vendors/miestro", []string{module + "vendors/lead"}, 1},
		"a vendor imports events and NATS":    {"vendors/miestro", []string{module + "events", jetstream}, 2},
		"a sixth vendor needs no rule":        {"vendors/sixth", []string{module + "vendors"}, 0},
		"the terms import a vendor":           {"vendors", []string{module + "vendors/lead"}, 1},
		"a vendor uses the suite in its code": {"vendors/miestro", []string{module + "vendors/vendortest"}, 1},
		"the sandbox uses a client":           {"vendors/sandbox", []string{module + "vendors/miestro"}, 1},
		"a handler imports NATS":              {"handlers", []string{jetstream}, 1},
		"a handler imports a vendor's folder": {"handlers/enrollment", []string{module + "vendors/lead"}, 1},
		"a handler imports the record":        {"handlers", []string{module + "internal/mailbox/record"}, 1},
		"the mailbox imports handlers":        {"internal/mailbox", []string{module + "handlers", module + "vendors"}, 0},
		"the mailbox imports Miestro":         {"internal/mailbox", []string{module + "vendors/miestro"}, 1},
		"the mailbox imports NATS":            {"internal/mailbox", []string{jetstream}, 1},
		"the record imports the mailbox":      {"internal/mailbox/record", []string{module + "internal/mailbox"}, 1},
		"the configuration imports the terms": {"internal/config", []string{module + "vendors"}, 0},
		"the configuration imports Miestro":   {"internal/config", []string{module + "vendors/miestro"}, 1},
		"the console imports cmd":             {"internal/console", []string{module + "cmd/usher"}, 1},
		"a command imports Miestro":           {"internal/cli/dead", []string{module + "vendors/miestro"}, 1},
		"the engine imports a command":        {"internal/engine", []string{module + "internal/cli"}, 1},
		"the engine imports Miestro":          {"internal/engine", []string{module + "vendors/miestro"}, 1},
		"cmd imports anything":                {"cmd/usher", []string{module + "vendors/miestro", module + "internal/core", jetstream}, 0},
		"chaos imports the record":            {"tools/chaos", []string{module + "internal/mailbox/record", module + "internal/scenario", jetstream}, 1},
		"isolation imports the streams":       {"tools/isolation", []string{module + "internal/streams", module + "internal/scenario", jetstream}, 1},
		"the core imports the benchmarks":     {"internal/core", []string{module + "tools/bench"}, 1},
		"signatures import the events":        {"internal/ingest/signature", []string{module + "events"}, 1},
		"mappings import NATS":                {"internal/ingest/mapping", []string{module + "events", jetstream}, 1},
		"the streams import natstest":         {"internal/streams", []string{module + "internal/natstest"}, 1},
		"a package without a rule":            {"internal/util", nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if got := check(test.folder, test.imports); len(got) != test.faults {
				t.Errorf("got %d faults, want %d: %q", len(got), test.faults, got)
			}
		})
	}
}

// TestPackagesBelow checks that imports are read from files.
func TestPackagesBelow(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"handlers/h.go":            "package handlers\n\nimport _ \"" + module + "internal/core\"\n",
		"handlers/h_test.go":       "package handlers\n\nimport _ \"" + module + "cmd/usher\"\n",
		"handlers/testdata/x/x.go": "package x\n\nimport _ \"" + module + "cmd/usher\"\n",
		".tools/t.go":              "package t\n",
	} {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string][]string{"handlers": {module + "internal/core"}}
	if diff := cmp.Diff(want, packagesBelow(t, root)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// packagesBelow returns the imports of all packages below root without tests: folder → imports.
func packagesBelow(t *testing.T, root string) map[string][]string {
	t.Helper()
	packages := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path != root && (strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_") || d.Name() == "testdata") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		folder = filepath.ToSlash(folder)
		names, err := importsOf(path)
		packages[folder] = append(packages[folder], names...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return packages
}

func importsOf(path string) ([]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	names := []string{} // not nil for a package without imports
	for _, spec := range file.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}
