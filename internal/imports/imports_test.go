// Package imports holds the test of who may import whom. Imports run downwards
// only; a part that reaches up or sideways can no longer be read, tested or
// replaced by itself.
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

// rule says what the packages of a folder may import of ours and of NATS.
// "x/..." is x and everything below it; "x/*" is what lies right below x.
type rule struct {
	folder string
	may    []string
	why    string
}

// rules is the table of who may import whom. The first rule that fits a folder counts.
var rules = []rule{
	{"cmd/...", []string{"...", nats}, "wires everything together, so it may know everything; nobody may know it"},
	{
		"internal/cli/...",
		[]string{
			"internal/cli/...", "internal/engine", "internal/ops", "internal/reconcile", "internal/recordstore", "internal/bus", "internal/streams",
			"internal/brake", "internal/mailbox", "internal/config", "internal/scenario", "vendors/sandbox", "handlers", "events", "schemas", "vendors", nats,
		},
		"reads arguments, prints answers, and knows no vendor by name",
	},
	{
		"internal/engine",
		[]string{
			"internal/core", "internal/upgrade", "internal/ops", "internal/console", "internal/ingest/...", "internal/telemetry", "internal/history",
			"internal/mailbox", "internal/brake", "internal/bus", "internal/streams", "internal/config", "handlers", "events", "schemas", "vendors", nats,
		},
		"runs the workers of the vendors in its catalog and the HTTP server; it knows no vendor by name",
	},
	{"scripts/...", nil, "looks at a finished binary, not at its source"},

	{
		"internal/ingest",
		[]string{"internal/ingest/...", "internal/caller", "internal/bus", "internal/telemetry", "events", "schemas", "vendors"},
		"takes events in; what they ask of anybody is not its business",
	},
	{"internal/caller", nil, "looks at requests, never at what they ask for"},
	{
		"internal/ingest/signature",
		[]string{"vendors"},
		"reads headers and bytes, never what they say",
	},
	{
		"internal/ingest/mapping",
		[]string{"events", "schemas"},
		"makes events of payloads; who sent them, and what they ask of anybody, is not its business",
	},
	{
		"internal/console",
		[]string{"internal/ops", "internal/caller", "internal/bus", "events", "schemas", "vendors"},
		"shows facts and does deeds of ops, as the commands do; it finds out nothing by itself",
	},
	{
		"internal/ops",
		[]string{"internal/bus", "internal/mailbox/...", "internal/recordstore", "internal/history", "internal/streams", "internal/brake", "internal/ingest/mapping", "internal/config", "handlers", "events", "schemas", "vendors"},
		"answers people out of the records and the streams; it is told of the vendors that there are, and knows none by name",
	},
	{
		"internal/reconcile",
		[]string{"internal/mailbox/record", "internal/recordstore", "internal/bus", "events", "vendors"},
		"asks a vendor, and never writes: a difference is repaired by events, as all else is done",
	},
	{"internal/brake", []string{"internal/streams"}, "judges deletions by counts; it must not know how any is made"},
	{"internal/fairness", nil, "counts calls, users and time; it must not know what is called, or why"},
	{"internal/natstest", []string{"internal/bus", nats}, "starts NATS for tests; code outside of tests must not use it"},
	{"internal/bus", []string{"events", nats}, "carries messages without knowing what they ask for"},
	{"internal/history", []string{"internal/streams", "events", nats}, "holds finished effects for people; the rules of the mailbox never read it"},
	{"internal/streams", []string{"events", nats}, "holds messages and subjects; their meaning is the mailbox's"},
	{
		"internal/upgrade",
		[]string{"internal/streams", "internal/bus", "events", nats},
		"moves streams and consumers of a former version; it knows no record and no vendor",
	},
	{
		"internal/core",
		[]string{"internal/mailbox/...", "internal/activity", "internal/intake", "internal/streams", "internal/fairness", "internal/bus", "handlers", "events", "vendors", nats},
		"wires the parts of the core to the streams; it holds no rule of its own",
	},
	{
		"internal/activity",
		[]string{"internal/mailbox", "internal/fairness"},
		"takes activity in and hands it on; how an attempt is made is the mailbox's business, and NATS is behind interfaces",
	},
	{
		"internal/intake",
		[]string{"internal/mailbox/...", "events"},
		"reads events in order and hands them on; what they ask is the mailbox's business, and NATS is behind interfaces",
	},
	{"internal/recordstore", []string{"internal/mailbox/record", "internal/streams"}, "reads and changes records for everything but the mailboxes; it holds no rule of its own"},
	{"internal/mailbox/record", []string{"events"}, "is the record and its rules: pure, so that every rule can be tried alone"},
	{
		"internal/mailbox",
		[]string{"internal/mailbox/record", "internal/history", "internal/fairness", "internal/bus", "internal/brake", "internal/telemetry", "handlers", "events", "vendors"},
		"works on one user at a time; it knows no vendor by name, and NATS is behind interfaces",
	},
	{"tools/cmd/...", []string{"tools/..."}, "starts the benchmarks"},
	{"tools/process", nil, "starts programs without knowing any"},
	{
		"tools/isolation",
		[]string{"tools/process", "events", "internal/scenario", "vendors/sandbox", nats},
		"judges with the knowledge of a producer and of a reader of results: not even the bus, so that a change of the core changes nothing here",
	},
	{
		"tools/*",
		[]string{"tools/process", "events", "internal/bus", "internal/scenario", "vendors/sandbox", nats},
		"judges and measures from outside: a fault of the core that it shared it could not find",
	},
	{"internal/scenario", []string{"events", nats}, "writes events, and does not know what usher makes of them"},
	{"internal/telemetry", []string{"events"}, "is used by all of internal, so it stands below it"},
	{"internal/config", []string{"vendors"}, "holds values only, and reads each vendor's by its tags: a sixth vendor must not touch it"},

	{"handlers/...", []string{"vendors", "events"}, "a value in, a value out: no NATS, no record, no vendor's folder"},
	{"schemas", []string{"events"}, "describes data"},
	{"events", nil, "is the words that all parts share"},

	{"vendors", nil, "is the words that all vendors share"},
	{"vendors/sandbox/...", []string{"vendors", "vendors/sandbox/...", "schemas"}, "plays the vendors: built on their clients it would share their mistakes"},
	{"vendors/vendortest/memnet", nil, "is a network in memory; for tests only"},
	{"vendors/vendortest", []string{"vendors", "vendors/sandbox", "vendors/vendortest/memnet", "schemas"}, "is the suite that every vendor passes; for tests only"},
	{"vendors/*", []string{"vendors"}, "can be read, tested and removed alone: no other vendor, no events, no NATS"},
}

// fits tells whether an import or a folder is one that the pattern means.
func fits(pattern, name string) bool {
	if below, ok := strings.CutSuffix(pattern, "..."); ok {
		return strings.HasPrefix(name+"/", below)
	}
	if above, ok := strings.CutSuffix(pattern, "/*"); ok {
		rest, below := strings.CutPrefix(name, above+"/")
		return below && !strings.Contains(rest, "/")
	}
	return pattern == name
}

// check returns what is wrong with the imports of the package in folder.
func check(folder string, imports []string) []string {
	i := slices.IndexFunc(rules, func(r rule) bool { return fits(r.folder, folder) })
	if i < 0 {
		return []string{folder + " has no rule: add one to the table, with its reason"}
	}
	var faults []string
	for _, name := range imports {
		ours, isOurs := strings.CutPrefix(name, module)
		if !isOurs && !fits(nats, name) {
			continue
		}
		if !slices.ContainsFunc(rules[i].may, func(pattern string) bool { return fits(pattern, ours) }) {
			faults = append(faults, fmt.Sprintf("%s imports %s: it %s", folder, ours, rules[i].why))
		}
	}
	return faults
}

func TestImports(t *testing.T) {
	packages := packagesBelow(t, filepath.Join("..", ".."))
	for _, must := range []string{"events", "handlers", "vendors", "internal/config"} {
		if packages[must] == nil {
			t.Errorf("package %s was not found: the test reads the wrong place", must)
		}
	}
	for _, folder := range slices.Sorted(maps.Keys(packages)) {
		for _, fault := range check(folder, packages[folder]) {
			t.Error(fault)
		}
	}
}

func TestCheck(t *testing.T) {
	const bus = "github.com/nats-io/nats.go/jetstream"
	for name, test := range map[string]struct {
		folder  string
		imports []string
		faults  int
	}{
		"a vendor imports the words":          {"vendors/miestro", []string{module + "vendors", "net/http"}, 0},
		"a vendor imports another":            {"vendors/miestro", []string{module + "vendors/lead"}, 1},
		"a vendor imports events and NATS":    {"vendors/miestro", []string{module + "events", bus}, 2},
		"a sixth vendor needs no rule":        {"vendors/sixth", []string{module + "vendors"}, 0},
		"the words import a vendor":           {"vendors", []string{module + "vendors/lead"}, 1},
		"a vendor uses the suite in its code": {"vendors/miestro", []string{module + "vendors/vendortest"}, 1},
		"the sandbox uses a client":           {"vendors/sandbox", []string{module + "vendors/miestro"}, 1},
		"a handler imports NATS":              {"handlers", []string{bus}, 1},
		"a handler imports a vendor's folder": {"handlers/enrollment", []string{module + "vendors/lead"}, 1},
		"a handler imports the record":        {"handlers", []string{module + "internal/mailbox/record"}, 1},
		"the mailbox imports handlers":        {"internal/mailbox", []string{module + "handlers", module + "vendors"}, 0},
		"the mailbox knows Miestro":           {"internal/mailbox", []string{module + "vendors/miestro"}, 1},
		"the mailbox knows NATS":              {"internal/mailbox", []string{bus}, 1},
		"the record imports the mailbox":      {"internal/mailbox/record", []string{module + "internal/mailbox"}, 1},
		"the configuration knows the words":   {"internal/config", []string{module + "vendors"}, 0},
		"the configuration knows Miestro":     {"internal/config", []string{module + "vendors/miestro"}, 1},
		"the console imports cmd":             {"internal/console", []string{module + "cmd/usher"}, 1},
		"a command knows Miestro":             {"internal/cli/dead", []string{module + "vendors/miestro"}, 1},
		"the engine imports a command":        {"internal/engine", []string{module + "internal/cli"}, 1},
		"the engine knows Miestro":            {"internal/engine", []string{module + "vendors/miestro"}, 1},
		"cmd imports anything":                {"cmd/usher", []string{module + "vendors/miestro", module + "internal/core", bus}, 0},
		"chaos knows the record":              {"tools/chaos", []string{module + "internal/mailbox/record", module + "internal/scenario", bus}, 1},
		"isolation knows the bus":             {"tools/isolation", []string{module + "internal/bus", module + "internal/scenario", bus}, 1},
		"the core knows the benchmarks":       {"internal/core", []string{module + "tools/bench"}, 1},
		"signatures know the events":          {"internal/ingest/signature", []string{module + "events"}, 1},
		"mappings know NATS":                  {"internal/ingest/mapping", []string{module + "events", bus}, 1},
		"the bus uses the server of tests":    {"internal/bus", []string{module + "internal/natstest"}, 1},
		"a package without a rule":            {"internal/util", nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if got := check(test.folder, test.imports); len(got) != test.faults {
				t.Errorf("got %d faults, want %d: %q", len(got), test.faults, got)
			}
		})
	}
}

// The reader must see a violation in a file, not only in a list of names.
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

// packagesBelow returns the imports of every package below root, without its
// tests: folder → imports.
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
	names := []string{} // a package without imports is a package, too
	for _, spec := range file.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}
