package importer

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/schemas"
)

// TestMain fails if a test leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// read returns the data of the events of a text, and the faults.
func read(t *testing.T, c Cmd, text string) (data, faults []string, err error) {
	t.Helper()
	if c.Type == "" {
		c.Type = "user.created"
	}
	if c.As == "" {
		c.As = "csv"
	}
	c.Source = "/import"
	content, err := c.table([]byte(text))
	if err != nil {
		return nil, nil, err
	}
	valid, err := schemas.New()
	if err != nil {
		t.Fatal(err)
	}
	m := &mapped{Cmd: c, table: content, valid: valid}
	if _, err := m.findColumns(); err != nil {
		return nil, nil, err
	}
	for r, err := range m.events() {
		if err != nil {
			return data, faults, err
		}
		if r.why == "" {
			data = append(data, string(r.event.Data()))
		} else {
			at, _ := json.Marshal(r.line)
			faults = append(faults, string(at)+": "+r.why)
		}
	}
	return data, faults, nil
}

const ada = `{"email":"ada@example.org","first_name":"Ada","user_id":"1"}`

func TestRowsBecomeEvents(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		cmd  Cmd
		text string
		want []string
	}{
		"names of members":     {Cmd{}, "user_id,email,first_name\n1,ada@example.org,Ada\n", []string{ada}},
		"other forms of names": {Cmd{}, "User ID,E-Mail,firstName\n1,ada@example.org,Ada\n", []string{ada}},
		"a mark, semicolons, line ends of Windows": {
			Cmd{}, "\xef\xbb\xbfuser_id;email;first_name\r\n1;ada@example.org;Ada\r\n", []string{ada},
		},
		"tabs":               {Cmd{}, "user_id\temail\tfirst_name\n1\tada@example.org\tAda\n", []string{ada}},
		"a given separator":  {Cmd{Separator: "|"}, "user_id|email|first_name\n1|ada@example.org|Ada\n", []string{ada}},
		"separators in head": {Cmd{}, "user_id;email;first_name;\"a, b, c, d\"\n1;ada@example.org;Ada;x\n", []string{ada}},
		"quotes": {
			Cmd{},
			"user_id,email,first_name\n1,ada@example.org,\"Ada \"\"A\"\", of\"\n",
			[]string{`{"email":"ada@example.org","first_name":"Ada \"A\", of","user_id":"1"}`},
		},
		"mapped columns": {
			Cmd{Map: map[string]string{"user_id": "Nummer", "first_name": "Vorname", "attributes.class": "Klasse"}},
			"Nummer,email,Vorname,Klasse\n1,ada@example.org,Ada,7b\n",
			[]string{`{"attributes":{"class":"7b"},"email":"ada@example.org","first_name":"Ada","user_id":"1"}`},
		},
		"an empty value, a constant": {
			Cmd{Type: "enrollment.requested", Set: map[string]string{"course_id": "go-101"}},
			"user_id,email\n1,\n",
			[]string{`{"course_id":"go-101","user_id":"1"}`},
		},
		"JSON lines": {
			Cmd{As: "jsonl", Map: map[string]string{"first_name": "vorname"}},
			"{\"user_id\":\"1\",\"email\":\"ada@example.org\",\"vorname\":\"Ada\"}\n\n",
			[]string{ada},
		},
		"attributes of JSON lines": {
			Cmd{As: "jsonl"},
			`{"user_id":"1","email":"ada@example.org","attributes":{"age":7}}`,
			[]string{`{"attributes":{"age":7},"email":"ada@example.org","user_id":"1"}`},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			data, faults, err := read(t, test.cmd, test.text)
			if diff := cmp.Diff(test.want, data); diff != "" || err != nil || faults != nil {
				t.Errorf("faults %q, error %v (-want +got)\n%s", faults, err, diff)
			}
		})
	}
}

func TestFaultsOfRows(t *testing.T) {
	t.Parallel()
	const head = "user_id,email,first_name\n"
	for name, test := range map[string]struct{ text, want string }{
		"no e-mail address":   {head + "1,ada@example.org,Ada\n2,nothing,Bo\n", "3: /data/email: schema:"},
		"no id":               {head + ",ada@example.org,Ada\n", "2: /data/user_id: schema:required"},
		"too many values":     {head + "1,ada@example.org,Ada,x\n", "2: has 4 values, and the head has 3"},
		"too few values":      {head + "1,ada@example.org\n", "2: has 2 values, and the head has 3"},
		"behind a long value": {head + "1,ada@example.org,\"Ada\n\n\"\n2,nothing,Bo\n", "5: /data/email"},
		"of another encoding": {head + "1,ada@example.org,J\xf6rg\n", "2: first_name is not UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			_, faults, err := read(t, Cmd{}, test.text)
			if err != nil || len(faults) != 1 || !strings.HasPrefix(faults[0], test.want) {
				t.Errorf("got %q, %v, want %s…", faults, err, test.want)
			}
		})
	}
	_, faults, err := read(t, Cmd{As: "jsonl"}, "{}\nhello\n")
	if err != nil || len(faults) != 2 || !strings.HasPrefix(faults[1], "2: is no JSON object") {
		t.Errorf("got %q, %v", faults, err)
	}
}

// TestDryRunGroupsFaultsAndNamesDoubles has more faults of one kind than are listed, one of another kind
// behind these, and two rows of one user.
func TestDryRunGroupsFaultsAndNamesDoubles(t *testing.T) {
	t.Parallel()
	text := "user_id,email,first_name\n1,ada@example.org,Ada\n1,ada@example.org,Ada\n1,ada@example.net,Ada\n"
	for range listed + 5 {
		text += "2,,Bo\n"
	}
	text += ",eve@example.org,Eve\n"
	file := filepath.Join(t.TempDir(), "users.csv")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, trouble strings.Builder
	c := Cmd{File: file, Type: events.UserCreated, Source: "/import", DryRun: true}
	err := c.Run(t.Context(), &app.App{Environment: app.Environment{Stdout: &out, Stderr: &trouble}})
	if !errors.Is(err, app.ErrSilent) {
		t.Fatal(err)
	}
	for _, want := range []string{
		"6 more rows not valid: -o json lists all\n", "\n  5, the first in line 25: /data/email: schema:required", "\n  1, the first in line 30: /data/user_id: schema:required",
		"warning: 1 row of a user with another row of other data, the first in line 4 (also line 2): all are sent",
	} {
		if !strings.Contains(trouble.String(), want) {
			t.Errorf("got\n%s\nwant %q", trouble.String(), want)
		}
	}
	if strings.Contains(trouble.String(), "report") {
		t.Errorf("got\n%s\na dry run writes no report", trouble.String())
	}
}

func TestFaultsOfFiles(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cmd        Cmd
		text, want string
	}{
		"nothing":         {Cmd{}, "", "no head"},
		"UTF-16":          {Cmd{}, "\xff\xfeu\x00s\x00", "the file is UTF-16 (little endian): save it as UTF-8"},
		"UTF-16 unmarked": {Cmd{}, "u\x00s\x00", "UTF-16 without a mark"},
		"two columns":     {Cmd{}, "email,email\n", "two columns have the name email"},
		"no id":           {Cmd{}, "nummer,email\n", "no column is user_id: add --map user_id=COLUMN; the columns are nummer, email"},
		"unknown member":  {Cmd{Map: map[string]string{"firstname": "a"}}, "user_id,email\n", "has no member firstname; did you mean first_name?"},
		"unknown column":  {Cmd{Map: map[string]string{"first_name": "a"}}, "user_id,email\n", "there is no column a: the columns are user_id, email"},
		"open quote":      {Cmd{}, "user_id,email\n1,\"ada\n2,b\n", "the row begins in line 2"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := read(t, test.cmd, test.text); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestIDsComeFromData(t *testing.T) {
	t.Parallel()
	valid, err := schemas.New()
	if err != nil {
		t.Fatal(err)
	}
	id := func(kind string, values map[string]any) string {
		m := &mapped{Cmd: Cmd{Type: kind, Source: "/import"}, valid: valid, members: map[string]string{}, unused: map[string]bool{}}
		return m.event(row{values: values}).event.ID()
	}
	one := map[string]any{"user_id": "1", "email": "ada@example.org"}
	changed := maps.Clone(one)
	changed["email"] = "ada@example.com"
	first := id("user.created", one)
	if first != id("user.created", maps.Clone(one)) || first == id("user.created", changed) || first == id("user.updated", one) {
		t.Error("want one id for one type and data, and another for others")
	}
}

func TestReportOfEarlierRun(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "report")
	cut := "{\"line\":2,\"id\":\"a\",\"status\":\"sent\"}\n{\"line\":4,\"status\":\"invalid\",\"why\":\"x\"}\n{\"line\":3,\"id\":\"b\",\"sta"
	if err := os.WriteFile(path, []byte(cut), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := openReport(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	if !r.sent["a"] || r.sent["b"] {
		t.Errorf("got %v, want a only", r.sent)
	}
	if err := r.faults([]entry{{Line: 4, Status: invalid, Why: "x"}}); err != nil {
		t.Fatal(err)
	}
	if err := r.write(entry{Line: 3, ID: "b", Status: known}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if want := cut + "\n" + `{"line":3,"id":"b","status":"known"}` + "\n"; err != nil || string(text) != want {
		t.Errorf("got %s, %v, want %s", text, err, want)
	}
}
