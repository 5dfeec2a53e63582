package output

import (
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails if a test leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPlainRow(t *testing.T) {
	if got := plainRow([]string{"a\tb\x1b[31m\n"})[0]; got != "a b [31m " {
		t.Errorf("got %q", got)
	}
}

func TestProgress(t *testing.T) {
	var out strings.Builder
	for _, on := range []bool{false, true} {
		p := Progress{out: &out, on: on}
		p.Of(3, 7)
		p.End()
	}
	if got, want := out.String(), "\r3 of 7\r\x1b[K"; got != want {
		t.Errorf("got %q, want %q, on a terminal only", got, want)
	}
}
