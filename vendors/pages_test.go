package vendors_test

import (
	"strconv"
	"testing"

	"github.com/usherhq/usher/vendors"
)

// A list that grows while it is read shows accounts again at the end, on many short pages, and is whole.
// A list that shows the same accounts for ever is broken, and so is one without an end.
func TestPagesOfListsThatGrowAndGoRound(t *testing.T) {
	for name, test := range map[string]struct {
		page  func(page int) (from, to int) // ids
		pages int
		want  string // error
	}{
		"a growing list":     {func(n int) (int, int) { return 100 * min(n, 6), 100*min(n, 6) + 3 }, 300, ""},
		"moved by one":       {func(n int) (int, int) { return 99 * n, 99*n + 100 }, 9000, ""},
		"the same page":      {func(int) (int, int) { return 0, 100 }, 20, "acme: list: status 200: the pages of the list go round"},
		"a thousand in turn": {func(n int) (int, int) { return n % 10 * 100, n%10*100 + 100 }, 40, "acme: list: status 200: the pages of the list go round"},
		"no end":             {func(n int) (int, int) { return n, n + 1 }, 10_001, "acme: list: status 200: the list does not end"},
	} {
		t.Run(name, func(t *testing.T) {
			var pages vendors.Pages
			var err error
			for n := 0; n < test.pages && err == nil; n++ {
				from, to := test.page(n)
				for id := from; id < to; id++ {
					pages.Add(strconv.Itoa(id))
				}
				err = pages.Turn("acme", "list")
			}
			if got := text(err); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// text returns the text of an error; "" for none.
func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
