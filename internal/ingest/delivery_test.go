package ingest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ingest"
	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/schemas"
)

// people returns a delivery of users; a user without a name is faulty.
func people(names ...string) string {
	list := []map[string]string{}
	for _, name := range names {
		one := map[string]string{"user": name, "email": name + "@example.org"}
		if name == "" {
			one["email"] = "nobody"
		}
		list = append(list, one)
	}
	text, err := json.Marshal(map[string]any{"list": list})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// TestDeliveryOfManyEvents posts deliveries of none, some and many events.
func TestDeliveryOfManyEvents(t *testing.T) {
	for name, test := range map[string]struct {
		path, body string
		want       reply
		places     []string // of the kept delivery
		warnings   int
		result     string
	}{
		"none":                        {"crm", people(), reply{Status: 202}, nil, 1, ingest.DeliveryIgnored},
		"another type":                {"crm", `{"type":"ping"}`, reply{Status: 202}, nil, 1, ingest.DeliveryIgnored},
		"three":                       {"crm", people("ada", "bo", "cy"), reply{Status: 202, IDs: []string{"d1.0", "d1.1", "d1.2"}}, nil, 0, ingest.DeliveryStored},
		"one faulty":                  {"crm", people("ada", "", "cy"), reply{Status: 202, IDs: []string{"d1.0", "d1.2"}}, []string{"1"}, 1, ingest.DeliveryKept},
		"all faulty":                  {"crm", people("", ""), reply{Status: 202}, nil, 2, ingest.DeliveryKept},
		"one faulty, refused":         {"strict", people("ada", ""), reply{Status: 422, Faults: []string{"1 /data/email schema:format"}}, []string{"1"}, 0, ingest.DeliveryKept},
		"all faulty, refused":         {"strict", people(""), reply{Status: 422, Faults: []string{"0 /data/email schema:format"}}, nil, 0, ingest.DeliveryKept},
		"three, where faults are 422": {"strict", people("ada", "bo"), reply{Status: 202, IDs: []string{"d1.0", "d1.1"}}, nil, 0, ingest.DeliveryStored},
	} {
		t.Run(name, func(t *testing.T) {
			s := &fakeStream{}
			h, results := counted(t, config(), s)
			res := ask(h, request{http.MethodPost, "/webhooks/" + test.path, headers("Signature", "right", "Webhook-Id", "d1"), test.body})
			var answer struct{ Warnings []any }
			if err := json.Unmarshal(res.Body.Bytes(), &answer); err != nil {
				t.Fatal(err)
			}
			got := read(t, res, nil)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("answer (-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(test.want.IDs, s.ids); diff != "" && test.want.Status == http.StatusAccepted {
				t.Errorf("stored (-want +got)\n%s", diff)
			}
			if len(answer.Warnings) != test.warnings {
				t.Errorf("got %d warnings, want %d: %s", len(answer.Warnings), test.warnings, res.Body)
			}
			if len(s.kept) > 0 && !cmp.Equal(s.kept[0].Places, test.places) || test.result == ingest.DeliveryKept && len(s.kept) != 1 {
				t.Errorf("kept %+v, want the places %q", s.kept, test.places)
			}
			if *results != test.path+" "+test.result {
				t.Errorf("got the result %q, want %q", *results, test.result)
			}
		})
	}
}

// counted returns an endpoint and the last result that the endpoint counted.
func counted(t *testing.T, c ingest.Config, s *fakeStream) (http.Handler, *string) {
	t.Helper()
	set, err := schemas.New()
	if err != nil {
		t.Fatal(err)
	}
	last := ""
	return ingest.New(c, ingest.Deps{
		Stream: s, Failed: s, Validate: set.Validate, Log: zerolog.Nop(),
		Delivered: func(sender, result string) { last = sender + " " + result },
	}), &last
}

// dying is a stream of a process that is killed after some of the events are stored.
type dying struct {
	*streams.Events
	after int
}

func (d dying) StoreFrom(ctx context.Context, from events.Channel, list []events.Event) error {
	if err := d.Events.StoreFrom(ctx, from, list[:min(d.after, len(list))]); err != nil {
		return err
	}
	if d.after < len(list) {
		return errors.New("killed")
	}
	return nil
}

// TestDeliveryCutInTheMiddle kills the process after each number of stored events. The sender
// repeats the delivery to a new process. No event is missing, and none is there twice.
func TestDeliveryCutInTheMiddle(t *testing.T) {
	nc := natstest.Connect(t, natstest.Start(t, natsconn.EmbeddedOptions{}))
	set := natstest.Ensure(t, nc, natstest.Layout())
	valid, err := schemas.New()
	if err != nil {
		t.Fatal(err)
	}
	body := people("ada", "bo", "cy", "di", "ed")
	var want []string
	for cut := range 6 {
		id := fmt.Sprintf("d%d", cut)
		for i := range 5 {
			want = append(want, fmt.Sprintf("%s.%d", id, i))
		}
		for _, after := range []int{cut, cut, 5, 5} { // killed twice, then stored, then repeated for want of an answer
			h := ingest.New(config(), ingest.Deps{Stream: dying{set.Events, after}, Validate: valid.Validate, Log: zerolog.Nop()})
			res := ask(h, request{http.MethodPost, "/webhooks/crm", headers("Signature", "right", "Webhook-Id", id), body})
			if want := map[bool]int{true: 202, false: 503}[after == 5]; res.Code != want {
				t.Fatalf("killed after %d: got %d, want %d", after, res.Code, want)
			}
		}
	}
	if diff := cmp.Diff(want, stored(t, set)); diff != "" {
		t.Errorf("stored (-want +got)\n%s", diff)
	}
}

// stored returns the ids of all events, in the order of the stream.
func stored(t *testing.T, set *streams.Set) (ids []string) {
	t.Helper()
	stream, err := set.Client.JetStream.Stream(t.Context(), streams.EventsStream)
	if err != nil {
		t.Fatal(err)
	}
	info, err := stream.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for seq := info.State.FirstSeq; seq <= info.State.LastSeq; seq++ {
		m, err := stream.GetMsg(t.Context(), seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		e, err := events.FromNATS(m.Header, m.Data)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, e.ID())
	}
	return ids
}
