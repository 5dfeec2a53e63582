package output

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTableFitsTerminal(t *testing.T) {
	rows := func(rows ...[]string) [][]string { return rows }
	tests := map[string]struct {
		wide int
		head []string
		rows [][]string
		want string
	}{
		"nothing": {80, []string{"ID"}, nil, ""},
		"no blanks at the end, numbers to the right": {
			80,
			[]string{"vendor", "dead"},
			rows([]string{"lead", "7"}, []string{"usermost", "12"}),
			"VENDOR    DEAD\nlead         7\nusermost    12\n",
		},
		"an empty column": {
			80,
			[]string{"ID", "status", "why"},
			rows([]string{"a", "", "b"}, []string{"c", "", ""}),
			"ID  WHY\na   b\nc\n",
		},
		"the last one wraps below itself": {
			40,
			[]string{"vendor", "detail"},
			rows([]string{"lead", "set USHER_LEAD_EMAIL and the password, too"}),
			"VENDOR  DETAIL\nlead    set USHER_LEAD_EMAIL and the\n        password, too\n",
		},
		"what does not fit goes on in a line of its own": {
			30,
			[]string{"ID", "type", "last try", "message"},
			rows([]string{"lead.4377d953", "user.deleted", "10:00", "one that is too long for it"}, []string{"lead.1", "user.created", "", "short"}),
			"ID             TYPE\n    LAST TRY\n    MESSAGE\n" +
				"lead.4377d953  user.deleted\n    10:00\n    one that is too long for\n    it\n" +
				"lead.1         user.created\n    short\n",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := Table(test.head, test.rows, test.wide)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			for line := range strings.Lines(got) {
				if len(line)-1 > test.wide {
					t.Errorf("a line of %d characters: %s", len(line)-1, line)
				}
			}
		})
	}
}
