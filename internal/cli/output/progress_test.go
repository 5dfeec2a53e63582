package output

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

// TestMain fails if a test leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCells(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	tests := map[string]struct{ value, anywhere, onTerminal string }{
		"control characters": {"a\tb\x1b[31m\n", "a b [31m ", "a b [31m "},
		"a long id":          {"lead.4377d9530011aabb4377d9530011aabb", "lead.4377d9530011aabb4377d9530011aabb", "lead.4377d953"},
		"a host":             {"lead.example.org", "lead.example.org", "lead.example.org"},
		"a time of today":    {"2026-03-02T10:11:12Z", "2026-03-02T10:11:12Z", "10:11:12Z"},
		"a time in a text":   {"held since 2026-03-02T10:11:12Z", "held since 2026-03-02T10:11:12Z", "held since 10:11:12Z"},
		"an older time":      {"2026-03-01T10:11:12+01:00", "2026-03-01T10:11:12+01:00", "2026-03-01 09:11Z"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			rows := [][]string{{test.value}}
			if got := Cells(rows, false, now)[0][0]; got != test.anywhere {
				t.Errorf("got %q, want %q", got, test.anywhere)
			}
			if got := Cells(rows, true, now)[0][0]; got != test.onTerminal {
				t.Errorf("on a terminal: got %q, want %q", got, test.onTerminal)
			}
		})
	}
}

func TestProgressOnTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		p := NewProgress(&out)
		p.onTerminal = true
		p.Of(3, 7)
		time.Sleep(6 * time.Second)
		p.Of(4, 7)
		p.End()
		if got, want := out.String(), "\r\x1b[K3 of 7\r\x1b[K4 of 7, about 5s left\r\x1b[K"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestProgressElsewhereNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		p := NewProgress(&out)
		for n := range 25 {
			p.Show("users", n)
			time.Sleep(time.Second)
		}
		p.End()
		if got, want := out.String(), "users: 10\nusers: 20\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
