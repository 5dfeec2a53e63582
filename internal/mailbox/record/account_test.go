package record_test

import (
	"testing"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
)

func TestHold(t *testing.T) {
	claim := &record.Claim{Key: 1}
	update := record.Effect{Key: 1, Scope: events.ScopeUserData}
	tried := record.Effect{Key: 1, Scope: events.ScopeUserData, Tried: true}
	deletion := record.Effect{Key: 1, Scope: events.ScopeLifecycle}
	for name, c := range map[string]struct {
		record record.Record
		want   record.Hold
	}{
		"nothing known":         {record.Record{}, record.Free},
		"active":                {record.Record{State: record.Active, AccountID: "7"}, record.Held},
		"active with a claim":   {record.Record{State: record.Active, AccountID: "7", Claim: claim, Pending: []record.Effect{update}}, record.Held},
		"a deletion waits":      {record.Record{State: record.Active, AccountID: "7", Pending: []record.Effect{deletion}}, record.Changing},
		"another account":       {record.Record{State: record.Active, AccountID: "8"}, record.Free},
		"deleted":               {record.Record{State: record.Deleted, Former: "7"}, record.Free},
		"unknown with a claim":  {record.Record{Claim: claim, Pending: []record.Effect{update}}, record.Changing},
		"a change on its way":   {record.Record{Pending: []record.Effect{tried}}, record.Changing},
		"only waiting":          {record.Record{Pending: []record.Effect{update}}, record.Free},
		"deleted, created anew": {record.Record{State: record.Deleted, Pending: []record.Effect{{Scope: events.ScopeLifecycle, Tried: true}}}, record.Changing},
	} {
		t.Run(name, func(t *testing.T) {
			if got := record.HoldOf(&c.record, "7"); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}
