package output

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestTableFitsTerminal(t *testing.T) {
	rows := func(rows ...[]string) [][]string { return rows }
	tests := map[string]struct {
		table Table
		want  string
	}{
		"nothing": {Table{Head: []string{"ID"}, Width: 80}, ""},
		"no blanks at the end, numbers to the right": {
			Table{Head: []string{"vendor", "dead"}, Rows: rows([]string{"lead", "7"}, []string{"usermost", "12"}), Width: 80},
			"VENDOR    DEAD\nlead         7\nusermost    12\n",
		},
		"an empty column": {
			Table{Head: []string{"ID", "status", "why"}, Rows: rows([]string{"a", "", "b"}, []string{"c", "", ""}), Width: 80},
			"ID  WHY\na   b\nc\n",
		},
		"no head": {
			Table{Rows: rows([]string{"a", "", "b"}, []string{"ccc", "", "d"}), Width: 80},
			"a    b\nccc  d\n",
		},
		"advice wraps below itself": {
			Table{Head: []string{"vendor", "detail"}, Rows: rows([]string{"lead", "set USHER_LEAD_EMAIL and the password, too"}), Width: 40, Wrap: true},
			"VENDOR  DETAIL\nlead    set USHER_LEAD_EMAIL and the\n        password, too\n",
		},
		"advice without room stands below": {
			Table{
				Head: []string{"ID", "state", "why"}, Width: 40, Wrap: true,
				Rows: rows([]string{"miestro.4377d953", "on hold since 10:00Z", "the vendor refuses the credentials (401)"}, []string{"lead.1", "waiting", ""}),
			},
			"ID                STATE\n" +
				"miestro.4377d953  on hold since 10:00Z\n" +
				"    the vendor refuses the credentials\n    (401)\n" +
				"lead.1            waiting\n",
		},
		"a short advice stays in its row": {
			Table{
				Head: []string{"event", "state", "why"}, Width: 36, Wrap: true,
				Rows: rows([]string{"ada-1-of-school", "done", "created"}, []string{"ada-2", "failed", "the course is mapped nowhere, which is a fault"}),
			},
			"EVENT            STATE   WHY\nada-1-of-school  done    created\nada-2            failed\n    the course is mapped nowhere,\n    which is a fault\n",
		},
		"no limit": {
			Table{Head: []string{"vendor", "detail"}, Rows: rows([]string{"lead", strings.Repeat("long ", 30) + "text"}), Wrap: true},
			"VENDOR  DETAIL\nlead    " + strings.Repeat("long ", 30) + "text\n",
		},
		"the longest values are cut": {
			Table{
				Head: []string{"ID", "attempts", "last try", "message"}, Width: 50,
				Rows: rows([]string{"lead.4377d953", "12", "2026-03-01 09:11Z", "one that is too long for it"}, []string{"lead.1", "1", "", "short"}),
			},
			"ID             ATTEMPTS  LAST TRY           MESSA…\n" +
				"lead.4377d953        12  2026-03-01 09:11Z  one t…\n" +
				"lead.1                1                     short\n",
		},
		"nothing fits": {
			Table{Head: []string{"ID", "last try"}, Rows: rows([]string{"lead.4377d953", "2026-03-01 09:11Z"}), Width: 12},
			"ID     LAST…\nlead…  2026…\n",
		},
		"colours": {
			Table{Head: []string{"vendor", "state"}, Rows: rows([]string{"lead", "on hold since 10:00:00Z"}, []string{"meiro", "new"}), Width: 80, Colour: true},
			"\x1b[1mVENDOR\x1b[0m  \x1b[1mSTATE\x1b[0m\nlead    \x1b[31mon hold since 10:00:00Z\x1b[0m\nmeiro   new\n",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := test.table.String()
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			for line := range strings.Lines(got) {
				if wide := utf8.RuneCountInString(line) - 1; test.table.Width > 0 && !test.table.Colour && wide > test.table.Width {
					t.Errorf("a line of %d characters: %s", wide, line)
				}
			}
		})
	}
}

func TestRowFitsTerminal(t *testing.T) {
	for name, test := range map[string]struct {
		values []string
		want   string
	}{
		"short": {[]string{"ada", "done"}, "ada     done\n"},
		"wraps": {[]string{"ada", "invalid: it is"}, "ada     invalid: it is\n"},
		"below": {[]string{"ada-of-the-school", "permanent: one that is too long"}, "ada-of-the-school\n    permanent: one that is\n    too long\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (Table{Width: 25}).Row(test.values, []int{6, 0}, false); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestWordsStayWhole wraps texts with words longer than a line, and with blanks around.
func TestWordsStayWhole(t *testing.T) {
	t.Parallel()
	long := "https://usher.example.org/console/deletions?vendor=lead"
	for name, test := range map[string]struct{ got, want string }{
		"a flag":           {sentence("see usher dead list --vendor events", 31), "see usher dead list --vendor\n    events"},
		"short":            {sentence("see usher", 31), "see usher"},
		"a long word":      {sentence("see "+long+" for more", 24), "see\n    " + long + "\n    for more"},
		"a long word hung": {hanging("see "+long+" for more", 4, 28), "see\n    " + long + "\n    for more"},
		"paragraphs":       {hanging("one\n\n two ", 2, 40), "one\n  two"},
		"nothing":          {hanging(" ", 2, 40), ""},
	} {
		if test.got != test.want {
			t.Errorf("%s: got %q, want %q", name, test.got, test.want)
		}
	}
}

func TestYAML(t *testing.T) {
	var out strings.Builder
	value := struct {
		ID    string            `json:"user_id"`
		Count int               `json:"count"`
		Text  string            `json:"text"`
		None  []string          `json:"none"`
		More  map[string]string `json:"more"`
	}{"007", 7, "yes", []string{}, map[string]string{"a": "<b>: c"}}
	if err := YAML(&out, value); err != nil {
		t.Fatal(err)
	}
	want := "user_id: \"007\"\ncount: 7\ntext: \"yes\"\nnone: []\nmore:\n  a: '<b>: c'\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
