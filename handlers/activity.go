package handlers

import (
	"context"
	"encoding/json"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors"
)

// ActivityTracked handles activity.tracked: what the user did is recorded at
// the vendors that keep such records.
func ActivityTracked() Handler {
	return Handler{Type: events.ActivityTracked, Scope: events.ScopeOf(events.ActivityTracked), Supports: canTrack, Plan: planActivity}
}

func canTrack(adapter vendors.Adapter) bool {
	_, ok := adapter.(vendors.Tracker)
	return ok
}

func planActivity(v Vendor, e events.Event) (Plan, error) {
	d, err := data[struct {
		events.ActivityTrackedData

		Properties json.RawMessage `json:"properties"` // passed on as they came
	}](e)
	if err != nil {
		return Plan{}, err
	}
	return Plan{UserID: d.UserID, Do: func(ctx context.Context, k Known) (Reply, error) {
		p, ok := v.Adapter.(vendors.Tracker)
		if !ok {
			return unsupported, nil
		}
		at := d.OccurredAt
		if at.IsZero() {
			at = k.From.At
		}
		did := vendors.Activity{Origin: k.From, UserID: d.UserID, Name: d.Name, At: at, Properties: object(d.Properties)}
		return Reply{Outcome: events.Done}, p.Track(ctx, did)
	}}, nil
}
