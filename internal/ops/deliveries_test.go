package ops_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

const listed = `
crm:
  scheme: token
  event:
    each: body
    type: '"joined"'
    types: {joined: user.created}
    data: {user_id: item.id, email: "'ada@example.org'"}
`

// TestReplayOfADelivery replays a delivery of three users. Some were stored with the delivery.
func TestReplayOfADelivery(t *testing.T) {
	const three, mapped = `[{"id":"ada"},{"id":"bob"},{"id":"cy"}]`, "would become an event"
	for name, test := range map[string]struct {
		payload string
		places  []string
		want    []string // ids of the stored events
		preview string
		fault   string
	}{
		"none stored before":   {three, nil, []string{"d1.0", "d1.1", "d1.2"}, mapped, ""},
		"two stored before":    {three, []string{"1"}, []string{"d1.1"}, mapped, ""},
		"still faulty":         {`[{"id":"ada"},{"id":7.5},{"id":"cy"}]`, []string{"1"}, nil, "would be refused", "event 1 of the delivery: data.user_id: yields a number"},
		"another is faulty":    {`[{"id":7.5},{"id":"bob"},{"id":"cy"}]`, []string{"1"}, []string{"d1.1"}, mapped, ""},
		"a place that is not":  {`[{"id":"ada"}]`, []string{"1"}, nil, "would be refused", "no longer makes the event 1"},
		"an empty list":        {`[]`, nil, nil, "would be let go", ""},
		"too large to be kept": {`[{"id":"` + strings.Repeat("a", 1<<20) + `"}]`, nil, nil, "would be refused", "its body of 1048587 bytes was too large to be kept"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c := config.Default()
			w.check(yaml.Unmarshal([]byte(listed), &c.Webhooks))
			service := ops.New(ops.Deps{Streams: w.streams, Config: c})
			err := w.streams.DeadLetters.Add(t.Context(), streams.DeadLetter{
				Vendor: ops.Deliveries, Type: "crm", Key: events.Key("/webhooks/crm", "d1"), EventID: "d1", Source: "/webhooks/crm", Class: "invalid",
				Places: test.places, Message: "no", Attempts: 1, Subject: "/webhooks/crm", Payload: []byte(test.payload),
			})
			if large := len(test.payload) > 1<<20; err != nil && !large || errors.Is(err, streams.ErrDigestKept) != large {
				t.Fatal(err)
			}
			letters, err := service.DeadLetters(t.Context(), func(streams.DeadLetter) bool { return true })
			w.check(err)
			previews, err := service.PreviewReplays(t.Context(), letters)
			w.check(err)
			if got := previews[0].String(); !strings.Contains(got, strings.TrimPrefix(test.preview, "would ")) {
				t.Errorf("got the preview %q, want %q", got, test.preview)
			}
			err = service.Replay(t.Context(), letters[0], ops.Actor{Who: "ann", Why: "test"})
			if test.fault == "" && err != nil || test.fault != "" && (!errors.Is(err, ops.ErrAtFault) || !strings.Contains(err.Error(), test.fault)) {
				t.Errorf("got %v, want %q", err, test.fault)
			}
			if diff := cmp.Diff(test.want, w.stored()); diff != "" {
				t.Errorf("stored (-want +got)\n%s", diff)
			}
		})
	}
}

// stored returns the ids of all events.
func (w *world) stored() (ids []string) {
	w.t.Helper()
	at, err := w.client.Extent(w.t.Context(), streams.EventsStream)
	w.check(err)
	for seq := uint64(1); seq <= at.Last; seq++ {
		o, err := w.streams.Events.Original(w.t.Context(), events.Position{Epoch: at.Epoch, Seq: seq})
		w.check(err)
		ids = append(ids, o.Event.ID())
	}
	slices.Sort(ids)
	return ids
}
