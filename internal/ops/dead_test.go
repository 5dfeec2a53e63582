package ops

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/internal/streams"
)

func TestNamed(t *testing.T) {
	list := []streams.DeadLetter{{Vendor: "lead", Key: "abc1"}, {Vendor: "lead", Key: "abd2"}, {Vendor: "miestro", Key: "abc1"}}
	tests := map[string]struct {
		ids  []string
		want []string
		err  string
	}{
		"whole":               {[]string{"lead.abc1"}, []string{"lead.abc1"}, ""},
		"first part":          {[]string{"lead.abd"}, []string{"lead.abd2"}, ""},
		"without the vendor":  {[]string{"abd"}, []string{"lead.abd2"}, ""},
		"twice the same":      {[]string{"abd", "lead.abd2"}, []string{"lead.abd2"}, ""},
		"of two vendors":      {[]string{"abc1"}, nil, "names 2 dead letters (lead.abc1, miestro.abc1)"},
		"too short":           {[]string{"lead.ab"}, nil, "names 2 dead letters"},
		"a vendor":            {[]string{"miestro"}, nil, "names no dead letter"},
		"nothing":             {[]string{""}, nil, "names no dead letter"},
		"one good, two wrong": {[]string{"abd", "x", "y"}, nil, `"x" names no dead letter: see usher dead list; "y"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			found, err := findByID(list, test.ids)
			if (err == nil) != (test.err == "") || (err != nil && !strings.Contains(err.Error(), test.err)) {
				t.Fatalf("got %v, want %q", err, test.err)
			}
			var got []string
			for _, d := range found {
				got = append(got, d.ID())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
