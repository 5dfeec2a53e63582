package send

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/usherhq/usher/events"
)

// TestMain fails if a test leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSplit(t *testing.T) {
	tests := map[string]struct {
		input string
		want  []string // line:text
	}{
		"nothing":            {" \n", nil},
		"one":                {"\n {\"a\":\n1} ", []string{"2:{\"a\":\n1}"}},
		"lines":              {"{\"a\":1}\n\n{\"b\":2}\n", []string{`1:{"a":1}`, `3:{"b":2}`}},
		"documents":          {"{\n}\n{\n}", []string{"1:{\n}", "3:{\n}"}},
		"array":              {"[\n{},\n{} ]\n", []string{"2:{}", "3:{}"}},
		"empty array":        {"[]", nil},
		"a bad line":         {"{}\nhello\n{}", []string{"1:{}", "2:hello", "3:{}"}},
		"broken document":    {"{\n\"a\" 1}", []string{"1:{\n\"a\" 1}"}},
		"broken array":       {"[{}", []string{"1:[{}"}},
		"more behind an end": {"[{}] {}", []string{"1:[{}] {}"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, p := range split([]byte(test.input)) {
				got = append(got, fmt.Sprintf("%d:%s", p.line, p.text))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadNamesTheFault(t *testing.T) {
	const none = "(whole event): required: this is no CloudEvent: specversion, id, source and type are missing"
	for name, test := range map[string]struct{ input, want string }{
		"data alone": {`{"user_id":"x"}`, "event 1, line 1: " + none},
		"nothing":    {`{}`, "event 1, line 1: " + none},
		"an id":      {`{"user_id":"x","id":"1"}`, "event 1, line 1: /user_id: attribute-name: use a-z"},
		"no id":      {`{"specversion":"1.0","source":"/s","type":"t"}`, "event 1, line 1: /id: required: "},
		"the second": {"[{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"},\n{\"user_id\":1}]", "event 2, line 2: " + none},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read([]byte(test.input), "sent", func(events.Event) error { return nil })
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}
