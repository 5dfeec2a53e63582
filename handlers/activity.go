package handlers

import (
	"context"
	"encoding/json"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors"
)

// ActivityTracked handles activity.tracked: records the activity at vendors with the port
// vendors.Tracker.
func ActivityTracked() Handler {
	return Handler{Type: events.ActivityTracked, Scope: events.ScopeOf(events.ActivityTracked), Change: "track", Supports: canTrack, Plan: planActivity}
}

// canTrack reports whether the vendor records activity.
func canTrack(adapter vendors.Adapter) bool {
	_, ok := vendors.Port[vendors.Tracker](adapter)
	return ok
}

// planActivity plans an activity.
func planActivity(v Vendor, e events.Event) (Plan, error) {
	d, err := data[struct {
		events.ActivityTrackedData

		Properties json.RawMessage `json:"properties"` // as in the event
	}](e)
	if err != nil {
		return Plan{}, err
	}
	return Plan{UserID: d.UserID, Do: func(ctx context.Context, k Known) (Reply, error) {
		p, ok := vendors.Port[vendors.Tracker](v.Adapter)
		if !ok {
			return unsupported, nil
		}
		at := d.OccurredAt
		if at.IsZero() {
			at = k.From.At
		}
		did := vendors.Activity{Origin: k.From, UserID: d.UserID, Name: d.Name, At: at, Properties: object(d.Properties)}
		return Reply{Outcome: events.Done, Action: events.ActionRecorded}, p.Track(ctx, did)
	}}, nil
}
