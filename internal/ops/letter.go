package ops

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/streams"
)

// Letter is a dead letter for people: with the state, and the user and the course of the event.
type Letter struct {
	streams.DeadLetter
	State  string // one of the states of a dead letter
	UserID string // empty if the event has none, or cannot be read
	Course string
	Cause  Cause
}

// DeadFilter selects dead letters. Empty fields match all.
type DeadFilter struct {
	Vendors            []string
	Type, Class, State string
	User, Course       string
	Cause              string // Cause.Key
	Text               string // in the message, the id of the event, or the start of the key
	After, Before      time.Time
}

// Matches reports whether a dead letter matches all fields.
func (f DeadFilter) Matches(l Letter) bool {
	if len(f.Vendors) > 0 && !slices.Contains(f.Vendors, l.Vendor) {
		return false
	}
	for _, pair := range [][2]string{
		{f.Type, l.Type}, {f.Class, l.Class}, {f.State, l.State}, {f.User, l.UserID}, {f.Course, l.Course}, {f.Cause, l.Cause.Key},
	} {
		if pair[0] != "" && pair[0] != pair[1] {
			return false
		}
	}
	return f.hasText(l) && (f.After.IsZero() || l.LastTry.After(f.After)) && (f.Before.IsZero() || l.LastTry.Before(f.Before))
}

func (f DeadFilter) hasText(l Letter) bool {
	has := func(text string) bool { return strings.Contains(strings.ToLower(text), strings.ToLower(f.Text)) }
	return f.Text == "" || has(l.Message) || has(l.EventID) || strings.HasPrefix(l.Key, f.Text)
}

// Letters returns the dead letters that match, sorted by the time of the last try.
func (s *Service) Letters(ctx context.Context, f DeadFilter) ([]Letter, error) {
	var list []Letter
	for d, err := range s.Streams.DeadLetters.List(ctx) {
		if err != nil {
			return list, err
		}
		if l := s.Letter(d); f.Matches(l) {
			list = append(list, l)
		}
	}
	slices.SortStableFunc(list, func(a, b Letter) int { return a.LastTry.Compare(b.LastTry) })
	return list, nil
}

// Letter returns a dead letter with its state, user, course and cause.
func (s *Service) Letter(d streams.DeadLetter) Letter {
	l := Letter{DeadLetter: d, State: s.DeadState(d)}
	for _, e := range s.decode(d) {
		if e.Context != nil {
			l.UserID, l.Course = events.UserID(e), courseOf(e)
		}
	}
	l.Cause = causeOf(l)
	return l
}

// courseOf returns the course in the data of an event. The data may be invalid.
func courseOf(e events.Event) string {
	var data struct {
		Course string `json:"course_id"`
	}
	e, _ = events.Clean(e)
	_ = json.Unmarshal(e.Data(), &data)
	return data.Course
}
