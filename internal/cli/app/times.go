package app

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"time"

	"github.com/alecthomas/kong"
)

// Since is a time in the past: a time to now such as 24h or 7d, a date, or a time of RFC 3339.
type Since struct{ time.Time }

// sinceForms are the forms of a time of Since. A time without a zone is local.
var sinceForms = []string{time.RFC3339, time.DateTime, "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", time.DateOnly}

// UnmarshalText sets s.
func (s *Since) UnmarshalText(text []byte) error {
	for _, form := range sinceForms {
		if at, err := time.ParseInLocation(form, string(text), time.Local); err == nil {
			s.Time = at
			return nil
		}
	}
	ago, err := ParseDuration(string(text))
	switch {
	case err != nil:
		return fmt.Errorf("want a time to now such as 90s, 24h or 7d, or a date or time such as 2026-03-01 or 2026-03-01T10:00:00Z, not %q", text)
	case ago < 0:
		return errors.New("cannot be negative")
	}
	s.Time = time.Now().Add(-ago)
	return nil
}

// days matches the weeks and days before the rest of a duration.
var days = regexp.MustCompile(`^(\d+)(w|d)(.*)$`)

// ParseDuration parses a duration of Go, with weeks (w) and days of 24 hours (d) in front: 7d, 1d12h.
func ParseDuration(text string) (time.Duration, error) {
	var whole time.Duration
	for parts := days.FindStringSubmatch(text); parts != nil; parts = days.FindStringSubmatch(text) {
		n, err := strconv.ParseInt(parts[1], 10, 16) // 32,767 weeks fit
		if err != nil {
			return 0, err
		}
		day := 24 * time.Hour
		if parts[2] == "w" {
			day *= 7
		}
		whole += time.Duration(n) * day
		if text = parts[3]; text == "" {
			return whole, nil
		}
	}
	rest, err := time.ParseDuration(text)
	if err == nil && whole > 0 && rest < 0 {
		err = errors.New("a part is negative")
	}
	return whole + rest, err
}

// Durations lets every flag with a duration have weeks and days.
func Durations() kong.Option {
	return kong.TypeMapper(reflect.TypeFor[time.Duration](), kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
		var text string
		if err := ctx.Scan.PopValueInto("duration", &text); err != nil {
			return err
		}
		d, err := ParseDuration(text)
		if err != nil {
			return fmt.Errorf("want a duration such as 90s, 10m, 24h or 7d, not %q", text)
		}
		target.SetInt(int64(d))
		return nil
	}))
}
