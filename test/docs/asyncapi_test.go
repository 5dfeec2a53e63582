// Package docs_test compares the documents, the contract schemas/asyncapi.yaml and the examples with
// the code. With -update the tests write the generated files.
package docs_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/schemas"
)

var update = flag.Bool("update", false, "write the files that are generated")

// root is the folder of the repository.
var root = filepath.Join("..", "..")

const contract = "schemas/asyncapi.yaml"

// request is an event type in the template of the contract.
type request struct {
	Name    string
	Results []resultType
}

// resultType is the type of a result.
type resultType struct{ Name, Says string }

// extension is an extension attribute of CloudEvents that Usher stores or reads.
type extension struct{ Name, Means string }

var extensions = []extension{
	{"traceparent", "The trace of the producer; kept, and given to results."},
	{"tracestate", "With traceparent."},
	{"correlationid", "Kept, and given to results; else a result has its event's id."},
	{"causationid", "The id of what caused this event; of a result, its event's."},
	{"partitionkey", "Kept. Usher orders by user_id, whatever stands here."},
	{"sequence", "Kept. Usher orders by the place in the stream."},
	{"expirytime", "RFC 3339. An event that nobody has begun by then is skipped."},
}

// actions lists the types of entries in the audit log.
var actions = []string{
	streams.DeadReplayed, streams.DeadDropped, streams.VendorPaused, streams.VendorResumed, streams.VendorChecked,
	streams.DeletionsApproved, streams.DeletionsDropped, streams.AccountRepaired, streams.EventSent, streams.UserForgotten,
	streams.UserResynced, streams.UserBackfilled, streams.DataRevealed, streams.ConfigurationReloaded,
}

// outcomes lists one outcome for each type of result.
var outcomes = []struct{ outcome, says string }{
	{events.Done, "The vendor has it as %s asks, now or from before."},
	{events.Failed, "The vendor could not be made to do what %s asks; there is a dead letter."},
	{events.Superseded, "What %s asks was not done: overtaken by a newer event, expired, or nothing that the vendor can do."},
}

func requests() (list []request) {
	for _, name := range events.Types() {
		r := request{Name: name}
		for _, o := range outcomes {
			r.Results = append(r.Results, resultType{events.ResultType(name, o.outcome), fmt.Sprintf(o.says, name)})
		}
		list = append(list, r)
	}
	return list
}

func TestContractIsGenerated(t *testing.T) {
	text, err := template.ParseFiles(filepath.Join("testdata", "asyncapi.yaml.tmpl"))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := text.Execute(&out, map[string]any{"Types": requests(), "Extensions": extensions, "Actions": actions}); err != nil {
		t.Fatal(err)
	}
	generated(t, contract, out.Bytes())
}

// generated compares a file with the expected content, or writes the file with -update.
func generated(t *testing.T, name string, want []byte) {
	t.Helper()
	path := filepath.Join(root, filepath.FromSlash(name))
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(want), string(load(t, name))); diff != "" {
		t.Errorf("%s is stale: go test ./test/docs -update (-want +have)\n%s", name, diff)
	}
}

// load reads a file of the repository. A missing file is empty.
func load(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Error(err)
	}
	return text
}

// TestContractHasEveryChannel compares the addresses of the contract with the code.
func TestContractHasEveryChannel(t *testing.T) {
	want := []string{"/events", "/webhooks/{source}", "usher.audit", "usher.dead.{vendor}.{type}.{key}", "usher.replay.{vendor}.{type}"}
	want = append(want, events.Types()...)
	for _, typ := range events.ResultTypes() {
		want = append(want, events.ResultSubject(typ, "{vendor}"))
	}
	var doc struct {
		Channels map[string]struct{ Address string }
	}
	if err := yaml.Unmarshal(load(t, contract), &doc); err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, c := range doc.Channels {
		have = append(have, c.Address)
	}
	slices.Sort(want)
	slices.Sort(have)
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("(-code +contract)\n%s", diff)
	}
}

// opener reads files of the repository for the schema compiler.
type opener struct{ read *[]string }

func (o opener) Load(url string) (any, error) {
	path, _ := strings.CutPrefix(url, "file://")
	*o.read = append(*o.read, filepath.Base(path))
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(path, ".json") {
		return jsonschema.UnmarshalJSON(bytes.NewReader(text))
	}
	var doc any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	if text, err = json.Marshal(doc); err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(text))
}

// message is a message of the contract.
type message struct {
	Headers map[string]any
	Traits  []map[string]string
	Payload struct {
		SchemaFormat string `yaml:"schemaFormat"`
		Schema       any
	}
	Examples []example
}

// example is an example of a message.
type example struct{ Headers, Payload reference }

type reference struct {
	Ref string `yaml:"$ref"`
}

// TestMessages compiles the schema of each payload, and validates each example by the schema and by
// Usher.
func TestMessages(t *testing.T) {
	var doc struct {
		Components struct{ Messages map[string]message }
	}
	if err := yaml.Unmarshal(load(t, contract), &doc); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, r := range requests() {
		want = append(want, r.Name+".structured", r.Name+".binary")
		for _, result := range r.Results {
			want = append(want, result.Name)
		}
	}
	for _, name := range want {
		if _, exists := doc.Components.Messages[name]; !exists {
			t.Errorf("the contract has no message %s", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Components.Messages)) {
		m := doc.Components.Messages[name]
		t.Run(name, func(t *testing.T) {
			payload, read := compile(t, "#/components/messages/"+name+"/payload/schema")
			if slices.Contains(want, name) {
				checkSchema(t, name, read)
				checkExamples(t, name, m, payload)
			}
		})
	}
}

// compile compiles a schema of the contract, and returns the schema and the names of the files read.
func compile(t *testing.T, pointer string) (schema *jsonschema.Schema, read []string) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, filepath.FromSlash(contract)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	c.UseLoader(opener{&read})
	if schema, err = c.Compile("file://" + filepath.ToSlash(path) + pointer); err != nil {
		t.Fatal(err)
	}
	return schema, read
}

// checkSchema checks that the contract uses exactly Usher's schema for the data of a message.
func checkSchema(t *testing.T, name string, read []string) {
	t.Helper()
	typ := strings.TrimSuffix(strings.TrimSuffix(name, ".structured"), ".binary")
	if slices.Contains(events.ResultTypes(), typ) {
		typ = events.ResultSchema
	}
	if diff := cmp.Diff([]string{filepath.Base(contract), typ + ".json"}, read); diff != "" {
		t.Errorf("the schema consists of other files (-want +have)\n%s", diff)
	}
	ours, err := schemas.JSON(typ)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(ours, load(t, "schemas/event/"+typ+".json")) {
		t.Errorf("schemas/event/%s.json is not Usher's schema for the data", typ)
	}
}

// checkExamples checks the examples of a message.
func checkExamples(t *testing.T, name string, m message, payload *jsonschema.Schema) {
	t.Helper()
	if len(m.Examples) == 0 {
		t.Fatal("the message has no example")
	}
	for _, one := range m.Examples {
		text, header := exampleOf(t, one)
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := payload.Validate(value); err != nil {
			t.Error(err)
		}
		if header != nil {
			checkHeader(t, name, header)
		}
		e, err := events.FromNATS(header, text)
		if err == nil {
			err = valid(t, e)
		}
		if err != nil {
			t.Errorf("Usher rejects the example: %v", err)
		}
		if !strings.HasPrefix(name, e.Type()) {
			t.Errorf("the example is %s", e.Type())
		}
	}
}

// valid returns Usher's error for an event, or nil.
func valid(t *testing.T, e events.Event) error {
	t.Helper()
	set, err := schemas.New()
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(events.ResultTypes(), e.Type()) {
		return set.ValidateResult(e)
	}
	return set.Validate(e)
}

// checkHeader validates the headers of an example by the schemas of binary mode and of the message.
func checkHeader(t *testing.T, name string, header map[string][]string) {
	t.Helper()
	value := map[string]any{}
	for key, values := range header {
		value[key] = values[0]
	}
	for _, pointer := range []string{"#/components/messageTraits/binary/headers", "#/components/messages/" + name + "/headers"} {
		schema, _ := compile(t, pointer)
		if err := schema.Validate(value); err != nil {
			t.Error(err)
		}
	}
}

// exampleOf returns the payload and headers of an example: from a file with the event, or from a file
// with headers and payload.
func exampleOf(t *testing.T, m example) (payload []byte, header map[string][]string) {
	t.Helper()
	name, part, _ := strings.Cut(m.Payload.Ref, "#/")
	text := load(t, filepath.Join("schemas", name))
	if part == "" {
		return text, nil
	}
	if part != "payload" || m.Headers.Ref != name+"#/headers" {
		t.Fatalf("the example refers to %+v, want headers and payload of one file", m)
	}
	var file struct {
		Headers map[string]string
		Payload json.RawMessage
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	header = map[string][]string{}
	for name, value := range file.Headers {
		header[name] = []string{value}
	}
	return file.Payload, header
}

// TestModesAreOneEvent checks that both examples of each type are the same event.
func TestModesAreOneEvent(t *testing.T) {
	for _, typ := range events.Types() {
		structured := exampleEvent(t, typ)
		file := "../examples/events/" + typ + ".binary.json#/"
		payload, header := exampleOf(t, example{reference{file + "headers"}, reference{file + "payload"}})
		binary, err := events.FromNATS(header, payload)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(written(t, structured), written(t, binary)); diff != "" {
			t.Errorf("%s (-structured +binary)\n%s", typ, diff)
		}
	}
}

func exampleEvent(t *testing.T, typ string) events.Event {
	t.Helper()
	e, err := events.Parse(load(t, "examples/events/"+typ+".json"))
	if err != nil {
		t.Fatalf("%s: %v", typ, err)
	}
	return e
}

// written returns an event in Usher's encoding, decoded as a value.
func written(t *testing.T, e events.Event) (v any) {
	t.Helper()
	_, text, err := events.ToNATS(e)
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestResultExamples generates the examples of results and compares the files.
func TestResultExamples(t *testing.T) {
	failure := &events.ResultError{Class: "permanent", Status: 422, Message: "seat limit reached"}
	for _, typ := range events.Types() {
		for _, o := range outcomes {
			e := exampleEvent(t, typ)
			r := events.Result{Vendor: "lead", Outcome: o.outcome, AccountID: "7", CourseID: courseOf(t, e), Attempts: 1, TookMS: 41}
			if o.outcome == events.Failed {
				r.Error = failure
			}
			result, err := events.NewResult(events.ResultOf{
				Request: e, Key: events.Key(e.Source(), e.ID()), Source: "/usher", At: e.Time().Add(time.Second), Result: r,
			})
			if err != nil {
				t.Fatal(err)
			}
			_, text, err := events.ToNATS(result)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := json.Indent(&out, text, "", "  "); err != nil {
				t.Fatal(err)
			}
			generated(t, "examples/results/"+result.Type()+".json", append(out.Bytes(), '\n'))
		}
	}
}

// courseOf returns the course of an example; empty without one.
func courseOf(t *testing.T, e events.Event) string {
	t.Helper()
	var data struct {
		Course string `json:"course_id"`
	}
	if err := json.Unmarshal(e.Data(), &data); err != nil {
		t.Fatal(err)
	}
	return data.Course
}

// TestInnerMessages compares the members of dead letters and actions with the code.
func TestInnerMessages(t *testing.T) {
	for pointer, of := range map[string]any{
		"#/components/schemas/deadletter/schema":             streams.DeadLetter{},
		"#/components/schemas/action/schema/properties/data": streams.Action{},
	} {
		schema, _ := compile(t, pointer)
		if diff := cmp.Diff(members(of), slices.Sorted(maps.Keys(schema.Properties))); diff != "" {
			t.Errorf("%s (-code +contract)\n%s", pointer, diff)
		}
	}
}

// members returns the sorted JSON names of the fields of a struct.
func members(of any) (names []string) {
	for _, field := range reflect.VisibleFields(reflect.TypeOf(of)) {
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" && name != "-" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
