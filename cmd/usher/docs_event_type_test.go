package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// below has, by kind and file, the line behind which a block of
// docs/adding-an-event-type.md goes. A block of any other kind and file goes to the end.
var below = map[string]*regexp.Regexp{
	"line events/types.go": regexp.MustCompile(`(?m)^\tActivityTracked +=.*\n`),
	"row events/types.go":  regexp.MustCompile(`(?m)^\t\{ActivityTracked,.*\n`),
	"line wire.go":         regexp.MustCompile(`(?m)^\t\thandlers\.ActivityTracked\(.*\),\n`),
}

var jsonBlock = regexp.MustCompile("(?s)## 2. The schema: (\\S+)\n.*?```json\n(.*?)```")

// A further event type is one struct, one schema, one handler and one line: the
// document that says so is done to a copy of the tree.
func TestAddingEventType(t *testing.T) {
	t.Parallel()
	tree := copyOfTree(t)
	text := string(read(t, filepath.Join("..", "..", "docs", "adding-an-event-type.md")))
	for _, b := range block.FindAllStringSubmatch(text, -1) {
		kind, name, code := b[1], b[2], b[3]
		path := filepath.Join(tree, filepath.FromSlash(name))
		if kind == "file" {
			put(t, path, strings.TrimPrefix(code, "\n"))
			continue
		}
		was := string(read(t, path))
		at := len(was)
		if after, there := below[kind+" "+name]; there {
			found := after.FindStringIndex(was)
			if found == nil {
				t.Fatalf("%s has no line %s", name, after)
			}
			at = found[1]
		}
		put(t, path, was[:at]+code+was[at:])
	}
	schema := jsonBlock.FindStringSubmatch(text)
	if schema == nil {
		t.Fatal("the document has no schema")
	}
	put(t, filepath.Join(tree, filepath.FromSlash(schema[1])), schema[2])
	inTree(t, tree, "gofmt", "-w", "events") // columns
	if unformatted := inTree(t, tree, "gofmt", "-l", "handlers", "wire.go"); unformatted != "" {
		t.Errorf("gofmt would change %s", unformatted)
	}
	over := overlay(t, tree)
	inTree(t, root, "go", "test", over, "-vet=off", "-run", "^TestLessonCompleted$", "./handlers")
	inTree(t, root, "go", "build", over, "-o", filepath.Join(tree, "bin", "usher"), "./cmd/usher")
	put(t, filepath.Join(tree, "e.json"), cloudEvent("lesson.completed", "1", `{"user_id":"ada","course_id":"go-basics","lesson":0}`))
	if out := inTree(t, tree, "sh", "-c", "bin/usher send e.json 2>&1 || true"); !strings.Contains(out, "/data/lesson: schema:minimum") {
		t.Errorf("usher send does not know the type: %s", out)
	}
}
