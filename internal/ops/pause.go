package ops

import (
	"context"
	"time"

	"github.com/usherhq/usher/internal/streams"
)

// LongestPause is the longest pause with an end.
const LongestPause = 100 * 365 * 24 * time.Hour

// PauseState is the state of a vendor after a pause was set or ended.
type PauseState struct {
	Vendor string     `json:"vendor"`
	Paused bool       `json:"paused"`
	Since  *time.Time `json:"since,omitempty"`
	Until  *time.Time `json:"until,omitempty"` // if the pause has an end
	By     string     `json:"by,omitempty"`    // the person; empty in pauses of older versions
	Why    string     `json:"why,omitempty"`
}

// String returns the state in words.
func (s PauseState) String() string {
	switch {
	case !s.Paused:
		return "not paused"
	case s.Until == nil:
		return "paused until usher resume"
	default:
		return "paused until " + s.Until.UTC().Format(time.RFC3339)
	}
}

// pauseState returns the state of a vendor with this pause.
func pauseState(vendor string, p streams.Pause) PauseState {
	state := PauseState{Vendor: vendor, Paused: true, Since: &p.Since, By: p.By, Why: p.Why}
	if !p.Until.IsZero() {
		state.Until = &p.Until
	}
	return state
}

// Pause stops all calls of a vendor: for the time span, or until Resume if span is zero. The action
// is recorded in the audit log first.
func (s *Service) Pause(ctx context.Context, vendor string, span time.Duration, by Actor) (PauseState, error) {
	p := streams.Pause{Since: time.Now().UTC().Truncate(time.Second), By: by.Who, Why: by.Why}
	if span > 0 {
		p.Until = p.Since.Add(span)
	}
	act := by.action(streams.VendorPaused)
	act.Until = p.Until
	if err := s.auditPause(ctx, vendor, act); err != nil {
		return PauseState{}, err
	}
	return pauseState(vendor, p), s.Streams.Control.SetPause(ctx, vendor, p)
}

// Resume ends a pause. A vendor without a pause is left unchanged.
func (s *Service) Resume(ctx context.Context, vendor string, by Actor) (PauseState, error) {
	if err := s.auditPause(ctx, vendor, by.action(streams.VendorResumed)); err != nil {
		return PauseState{}, err
	}
	return PauseState{Vendor: vendor}, s.Streams.Control.ClearPause(ctx, vendor)
}

// auditPause records an action on a vendor that somebody has served.
func (s *Service) auditPause(ctx context.Context, vendor string, act streams.Action) error {
	if _, err := s.consumers(ctx, vendor); err != nil {
		return err
	}
	act.Vendor = vendor
	return s.Streams.Audit.Record(ctx, s.Config.Source, act)
}
