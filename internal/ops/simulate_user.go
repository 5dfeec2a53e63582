package ops

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

// simulator judges users one after the other, at all vendors.
type simulator struct {
	records *streams.Records
	decoder *mailbox.Decoder
	events  map[string]mailbox.Message // of the present user, by type, decoded
	vendors []*simulatedAt
}

// simulatedAt is a vendor of a simulation.
type simulatedAt struct {
	*mailbox.Previewer
	name    string
	vendor  *simulatedVendor
	byEmail bool // the vendor knows users by e-mail
	partial bool // the vendor does not create and update accounts
}

// judged is a row, with the data that decides about conflicts.
type judged struct {
	SimulatedRow

	email string // of an account created or updated, at a vendor that knows users by e-mail
	known bool   // the records have the account
}

// simulators returns workers that judge side by side.
func (s *Service) simulators(ctx context.Context, names []string) ([]*simulator, error) {
	records, err := streams.OpenRecords(ctx, s.Streams.Client, streams.AccountsBucket)
	if err != nil {
		return nil, err
	}
	team := make([]*simulator, 8*runtime.GOMAXPROCS(0)) // most of the time a worker waits for a record
	off := s.Config.Off()
	for i := range team {
		team[i] = &simulator{
			records: records, events: map[string]mailbox.Message{},
			decoder: mailbox.NewDecoder(nil, func(events.Event) error { return nil }), // see userMaker.of
		}
		for _, v := range s.Vendors {
			if off[v.Name] != "" || len(names) > 0 && !slices.Contains(names, v.Name) {
				continue
			}
			at, err := s.simulated(v, team[i])
			if err != nil {
				return nil, err
			}
			team[i].vendors = append(team[i].vendors, at)
		}
		if len(team[i].vendors) == 0 {
			return nil, errNoneOn
		}
	}
	return team, nil
}

// simulated returns a vendor for a worker.
func (s *Service) simulated(v Vendor, w *simulator) (*simulatedAt, error) {
	adapter, err := v.ReadOnly(nil)
	if err != nil {
		return nil, err
	}
	rules, err := v.compiled()
	if err != nil {
		return nil, err
	}
	x := &simulatedAt{name: v.Name}
	var port vendors.Adapter
	x.vendor, port = newSimulated(adapter, v.Team.Shadow)
	_, x.partial = port.(partial)
	_, ours := vendors.Port[vendors.Addresser](adapter)
	x.byEmail = !ours
	vendor := &mailbox.Vendor{Name: v.Name, Rules: rules}
	vendor.Port.Store(&port)
	x.Previewer = mailbox.NewPreviewer(vendor, s.previewConfig(v), mailbox.Deps{
		Records: noRecords{}, Index: noRecords{}, Decoder: w.decoder, Handlers: s.Handlers, Log: zerolog.Nop(),
	})
	return x, nil
}

// user judges a user at all vendors.
func (w *simulator) user(ctx context.Context, u simulatedUser) ([]judged, error) {
	rows := make([]judged, 0, len(w.vendors))
	clear(w.events)
	for _, v := range w.vendors {
		row, err := w.at(ctx, v, u)
		if err != nil {
			return nil, err
		}
		row.UserID, row.Vendor = u.id, v.name
		rows = append(rows, row)
	}
	return rows, nil
}

// at judges a user at a vendor, by the event of a resync.
func (w *simulator) at(ctx context.Context, v *simulatedAt, u simulatedUser) (judged, error) {
	switch {
	case u.deleted:
		return judged{SimulatedRow: SimulatedRow{Would: WouldSkip, Reason: "deleted"}}, nil
	case u.invalid != "":
		return judged{SimulatedRow: SimulatedRow{Would: WouldInvalid, Message: u.invalid}}, nil
	case v.partial:
		return judged{SimulatedRow: SimulatedRow{Would: WouldUnsupported}}, nil
	}
	encoded, _, err := w.records.Load(ctx, record.AccountKey(v.name, u.id))
	if err != nil {
		return judged{}, err
	}
	r, fault := readRecord(encoded)
	if fault != "" {
		return judged{SimulatedRow: SimulatedRow{Would: WouldFail, Message: fault}}, nil
	}
	e, known := u.created, r.State == record.Active
	if known {
		e = u.updated
	}
	message, err := w.message(e, u.at)
	if err != nil {
		return judged{}, err
	}
	f, err := v.judge(ctx, mailbox.UserState{Record: r, Profile: u.known}, message)
	if err != nil {
		return judged{}, err
	}
	row := judged{SimulatedRow: SimulatedRow{Would: wouldOf(f), Reason: cmp.Or(f.Reply.Reason, f.Class), Message: f.Failure}, known: known}
	if v.byEmail && (row.Would == WouldCreate || row.Would == WouldUpdate) {
		row.email = vendors.NormalEmail(v.vendor.wrote.Email)
	}
	return row, nil
}

// readRecord returns a record, or says why the record cannot be read. A missing record is empty.
func readRecord(encoded []byte) (r *record.Record, fault string) {
	if len(encoded) == 0 {
		return &record.Record{}, ""
	}
	r, err := record.Decode(encoded)
	if err != nil {
		return nil, err.Error()
	}
	return r, ""
}

// message returns an event of a resync of the present user. All vendors share the decoded event.
func (w *simulator) message(e events.Event, at events.Position) (mailbox.Message, error) {
	if m, known := w.events[e.Type()]; known {
		return m, nil
	}
	r, err := again("", e, at)
	if err != nil {
		return mailbox.Message{}, err
	}
	_, header := r.letter.AsReplay()
	m := w.decoder.Decoded(mailbox.Message{Stream: streams.ReplaysStream, Position: at, Subject: e.Type(), Header: header, Payload: r.letter.Payload})
	w.events[e.Type()] = m
	return m, nil
}

// judge predicts the end of an event of a resync.
func (v *simulatedAt) judge(ctx context.Context, u mailbox.UserState, m mailbox.Message) (mailbox.Forecast, error) {
	v.vendor.wrote = vendors.User{}
	e, p, ok := v.Read(m, 1)
	if ok {
		return mailbox.Forecast{Preview: p}, nil
	}
	return v.ForecastBy(ctx, u, e, time.Now())
}
