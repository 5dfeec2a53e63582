package handlers

import (
	"context"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors"
)

// ActivityTracked handles activity.tracked: what the user did is recorded at
// the vendors that keep such records.
func ActivityTracked() Handler {
	return Handler{Type: events.ActivityTracked, Scope: Record, Takes: tracks, Plan: planActivity}
}

func tracks(port any) bool {
	_, ok := port.(Tracker)
	return ok
}

func planActivity(v Vendor, e events.Event) (Plan, error) {
	d, err := data[events.ActivityTrackedData](e)
	if err != nil {
		return Plan{}, err
	}
	return Plan{UserID: d.UserID, Do: func(ctx context.Context, k Known) (Reply, error) {
		p, ok := v.Port.(Tracker)
		if !ok {
			return unsupported, nil
		}
		at := d.OccurredAt
		if at.IsZero() {
			at = k.From.At
		}
		err := p.Track(ctx, vendors.Activity{
			Origin: k.From, UserID: d.UserID, Name: d.Name, At: at, Properties: d.Properties,
		})
		return Reply{Outcome: events.Done}, err
	}}, nil
}
