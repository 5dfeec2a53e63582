package app

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestSince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		local := func(year int, month time.Month, day, hour int) time.Time {
			return time.Date(year, month, day, hour, 0, 0, 0, time.Local)
		}
		for text, want := range map[string]time.Time{
			"90s":                       now.Add(-90 * time.Second),
			"7d":                        now.Add(-7 * 24 * time.Hour),
			"2w":                        now.Add(-14 * 24 * time.Hour),
			"1w2d3h":                    now.Add(-(9*24 + 3) * time.Hour),
			"2026-03-01":                local(2026, 3, 1, 0),
			"2026-03-01 10:00":          local(2026, 3, 1, 10),
			"2026-03-01T10:00:00+02:00": time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC),
			"":                          {},
			"-1h":                       {},
			"1d-2h":                     {},
			"d":                         {},
			"99999d":                    {},
			"yesterday":                 {},
		} {
			var got Since
			err := got.UnmarshalText([]byte(text))
			if (err != nil) != want.IsZero() || !got.Equal(want) {
				t.Errorf("%q: got %s, %v, want %s", text, got, err, want)
			}
		}
	})
}
