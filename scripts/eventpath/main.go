// Command eventpath prints the path of one event through the production code: the functions
// entered by the event, from the message of NATS to the committed position, in the order of
// the first calls, and the number of changes of file along the path.
//
//	go run ./scripts/eventpath
//
// The path is the difference of two runs of TestOneEvent in internal/core: with one event, and
// idle. Functions of an idle process are no part of the path, and the bodies of
// function literals count for nothing. Goroutines follow each other by the time of the first
// call. Both runs are builds with a call of trace.Enter at the beginning of every
// function. No file of the tree changes.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// folders hold the traced code, without the folders below.
var folders = []string{"bounded", "events", "handlers", "vendors", "internal/*", "internal/*/*"}

const module = "github.com/usherhq/usher/"

// trace is the package called by the traced code. The functions of a goroutine are written in
// the order of the first calls.
const trace = `package trace

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
)

var (
	mu     sync.Mutex
	known  = map[string]bool{}
	stacks = map[string][]string{} // by goroutine
	path   = os.Getenv("EVENTPATH")
)

// Enter writes the first call of a function, and of a function by another.
func Enter(function string) (leave func()) {
	mu.Lock()
	defer mu.Unlock()
	var text [64]byte
	goroutine := strings.Fields(string(text[:runtime.Stack(text[:], false)]))[1]
	stack := stacks[goroutine]
	note(function, goroutine+" "+function)
	if len(stack) > 0 {
		call := "call " + stack[len(stack)-1] + " " + function
		note(call, call)
	}
	stacks[goroutine] = append(stack, function)
	return func() {
		mu.Lock()
		defer mu.Unlock()
		stacks[goroutine] = stack
	}
}

func note(key, line string) {
	if known[key] {
		return
	}
	known[key] = true
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	fmt.Fprintln(f, line)
}
`

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "eventpath:", err)
		os.Exit(1)
	}
}

func run() error {
	scratch, err := os.MkdirTemp("", "eventpath")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	overlay, err := instrument(scratch)
	if err != nil {
		return err
	}
	idle, err := test(overlay, filepath.Join(scratch, "idle"), "idle")
	if err != nil {
		return err
	}
	event, err := test(overlay, filepath.Join(scratch, "event"), "one_event")
	if err != nil {
		return err
	}
	path := difference(idle.entered, event.entered)
	show(path)
	fmt.Println("all packages:", count(path))
	path = slices.DeleteFunc(path, func(f function) bool { return !core[filepath.Dir(f.file)] })
	fmt.Println("the core:", count(path))
	path = slices.DeleteFunc(path, func(f function) bool { return !event.callers[function{file: f.file, name: f.name}] })
	show(path)
	fmt.Println("the core without functions that call no other of the core:", count(path))
	fmt.Println("files with statements that only the event reaches:", len(files(idle.covered, event.covered)))
	return nil
}

// core holds the folders of the core.
var core = map[string]bool{
	"internal/core": true, "internal/intake": true, "internal/activity": true, "internal/mailbox": true, "internal/mailbox/record": true,
}

// instrument writes the traced form of the source files to scratch, and returns the file with
// the names of the traced files, for the go command.
func instrument(scratch string) (string, error) {
	replace := map[string]string{}
	add := func(path, text string) error {
		absolute, err := filepath.Abs(path)
		if err != nil {
			return err
		}
		replace[absolute] = filepath.Join(scratch, fmt.Sprint(len(replace), ".go"))
		return os.WriteFile(replace[absolute], []byte(text), 0o600)
	}
	if err := add("internal/trace/trace.go", trace); err != nil {
		return "", err
	}
	for _, folder := range folders {
		files, err := filepath.Glob(folder + "/*.go")
		if err != nil {
			return "", err
		}
		for _, path := range files {
			if strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "internal/natstest/") {
				continue
			}
			text, err := traced(path)
			if err != nil {
				return "", err
			}
			if err := add(path, text); err != nil {
				return "", err
			}
		}
	}
	encoded, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(scratch, "overlay.json")
	return overlay, os.WriteFile(overlay, encoded, 0o600)
}

// traced returns a source file with a call to trace.Enter in each function.
func traced(path string) (string, error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, source, 0)
	if err != nil {
		return "", err
	}
	offset := func(p token.Pos) int { return set.Position(p).Offset }
	calls := map[int]string{}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
			calls[offset(f.Body.Lbrace)+1] = fmt.Sprintf("defer trace_.Enter(%q)();", path+" "+name(f))
		}
	}
	if len(calls) == 0 {
		return string(source), nil
	}
	calls[offset(file.Name.End())] = "; import trace_ \"" + module + "internal/trace\""
	var out strings.Builder
	for at := range source {
		out.WriteString(calls[at])
		out.WriteByte(source[at])
	}
	return out.String(), nil
}

// name returns the name of a function, with the type of a method.
func name(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	t := f.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if generic, ok := t.(*ast.IndexExpr); ok {
		t = generic.X
	}
	if id, ok := t.(*ast.Ident); ok {
		return id.Name + "." + f.Name.Name
	}
	return f.Name.Name
}

// outcome is the trace of a test, and the blocks of statements reached by the test.
type outcome struct {
	entered []function
	callers map[function]bool // of a function of the core
	covered []string
}

// function is a function of the trace.
type function struct{ goroutine, file, name string }

// test runs a case of the test.
func test(overlay, path, name string) (o outcome, err error) {
	args := []string{"test", "-count=1", "-vet=off", "-run", "TestOneEvent/" + name + "$"}
	profile := path + ".cover"
	for _, more := range [][]string{{"-overlay", overlay}, {"-coverpkg=./...", "-coverprofile", profile}} { // cover takes no overlay
		command := exec.CommandContext(context.Background(), "go", slices.Concat(args, more, []string{"./internal/core"})...) //nolint:gosec // the arguments are constants and scratch files
		command.Env = append(os.Environ(), "EVENTPATH="+path)
		if out, err := command.CombinedOutput(); err != nil {
			return o, fmt.Errorf("test %s: %w\n%s", name, err, out)
		}
	}
	o.callers = map[function]bool{}
	text, err := os.ReadFile(path)
	if err != nil {
		return o, err
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if f[0] == "call" {
			if core[filepath.Dir(f[3])] {
				o.callers[function{file: f[1], name: f[2]}] = true
			}
			continue
		}
		o.entered = append(o.entered, function{goroutine: f[0], file: f[1], name: f[2]})
	}
	text, err = os.ReadFile(profile)
	for line := range strings.Lines(string(text)) {
		if block, reached, _ := strings.Cut(line, " "); !strings.HasSuffix(strings.TrimSpace(reached), " 0") {
			o.covered = append(o.covered, block)
		}
	}
	return o, err
}

// difference returns the functions that only event has, goroutine by goroutine.
func difference(idle, event []function) (path []function) {
	known := map[function]bool{}
	for _, f := range idle {
		known[function{file: f.file, name: f.name}] = true
	}
	order := map[string]int{}
	for _, f := range event {
		if known[function{file: f.file, name: f.name}] {
			continue
		}
		if _, ok := order[f.goroutine]; !ok {
			order[f.goroutine] = len(order)
		}
		path = append(path, f)
	}
	slices.SortStableFunc(path, func(a, b function) int { return order[a.goroutine] - order[b.goroutine] })
	return path
}

// show prints a path.
func show(path []function) {
	var last function
	for _, f := range path {
		if f.goroutine != last.goroutine {
			fmt.Println("goroutine")
		}
		if f.file != last.file {
			fmt.Println("    " + f.file)
		}
		fmt.Println("        " + f.name)
		last = f
	}
}

// count returns the figures of a path.
func count(path []function) string {
	seen, changes := map[string]bool{}, 0
	for i, f := range path {
		seen[f.file] = true
		if i > 0 && f.file != path[i-1].file {
			changes++
		}
	}
	return fmt.Sprintf("%d functions in %d files, %d changes of file", len(path), len(seen), changes)
}

// files returns the files of the blocks that only event has.
func files(idle, event []string) map[string]bool {
	known, only := map[string]bool{}, map[string]bool{}
	for _, block := range idle {
		known[block] = true
	}
	for _, block := range event {
		if file, _, _ := strings.Cut(block, ":"); !known[block] && strings.HasPrefix(file, module) {
			only[file] = true
		}
	}
	return only
}
