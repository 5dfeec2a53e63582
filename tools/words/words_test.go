package words

import (
	"slices"
	"testing"
)

func TestCount(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want Counts
	}{
		"names only":            {"The worker claims an effect.", Counts{Words: 5}},
		"relatives":             {"What is there, whoever made it, where it was.", Counts{Words: 9, Relatives: 3, Pronouns: 2}},
		"with an apostrophe":    {"It's theirs; that's one.", Counts{Words: 6, Pronouns: 3}},
		"parts of other words":  {"anyone somewhere thatch", Counts{Words: 3}},
		"words with hyphens":    {"a one-off and a where-clause", Counts{Words: 5}},
		"pronouns, in any case": {"THIS, Which", Counts{Words: 2, Pronouns: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Count(test.text); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestRelatives(t *testing.T) {
	text := Prose("a\n```\nwho\n```\nand Where it is\n")
	if got, want := Relatives(text), []Place{{5, "Where"}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	text, err := Comments("a.go", []byte("package a\n\nvar x int // is\n\n/* block\nwho */\n"))
	if got, want := Relatives(text), []Place{{6, "who"}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v and %v, want %v", got, err, want)
	}
}

func TestLimitAllows(t *testing.T) {
	limit := Limit{Relatives: 0.5, Pronouns: 5}
	for name, test := range map[string]struct {
		counts Counts
		want   bool
	}{
		"nothing":                    {Counts{}, true},
		"a relative in a short text": {Counts{Words: 20, Relatives: 1}, true},
		"two in a short text":        {Counts{Words: 20, Relatives: 2}, false},
		"two in a long text":         {Counts{Words: 400, Relatives: 2}, true},
		"pronouns in a short text":   {Counts{Words: 20, Pronouns: 5}, true},
		"pronouns in a long text":    {Counts{Words: 100, Pronouns: 6}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := limit.Allows(test.counts); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestProse(t *testing.T) {
	text := "See [a page](what.md), `who`.\n\n```sh\nwhere\n```\n\n<!-- stays: what -->\n<a id=\"what\"></a>End.\n"
	if got, want := Count(Prose(text)), (Counts{Words: 5}); got != want {
		t.Errorf("got %+v, want %+v, from %q", got, want, Prose(text))
	}
}

func TestCommentsOf(t *testing.T) {
	got, err := Comments("a.go", []byte("//go:build what\n\n// Package a is what it is.\npackage a\n\nvar who = \"where\" //nolint:what\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := Count(got), (Counts{Words: 6, Relatives: 1, Pronouns: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestRetired(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"a word":             {"as told before", []string{"told"}},
		"an identifier":      {"d := newDesk()", []string{"desk"}},
		"a type in capitals": {"type Desk struct{}", []string{"desk"}},
		"two":                {"a lane\nof a deed", []string{"lane", "deed"}},
		"another word":       {"planes, deskewed, atoll", nil},
		"beside underscores": {"usher_lane_total", []string{"lane"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range Retired(test.text) {
				got = append(got, f.Word)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
