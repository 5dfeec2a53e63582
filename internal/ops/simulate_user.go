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
	"github.com/usherhq/usher/internal/profile"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

// simulator judges users one after the other, at all vendors.
type simulator struct {
	records *streams.Records
	profile profile.Profile // of the present user
	record  []byte          // of the present user at the present vendor
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
		team[i] = &simulator{records: records}
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
		Records: oneRecord{w}, Index: noRecords{}, Handlers: s.Handlers, Log: zerolog.Nop(),
		Decoder:  mailbox.NewDecoder(nil, func(events.Event) error { return nil }), // see userMaker.of
		Profiles: mailbox.PeekProfiles(func(context.Context, string) (profile.Profile, error) { return w.profile, nil }),
	})
	return x, nil
}

// oneRecord is the record of the present user of a worker.
type oneRecord struct{ w *simulator }

// Load returns the record.
func (r oneRecord) Load(context.Context, string) ([]byte, uint64, error) { return r.w.record, 1, nil }

// Store refuses: a simulation only reads.
func (oneRecord) Store(context.Context, string, []byte, uint64) (uint64, error) {
	return 0, vendors.ErrReadOnly
}

// user judges a user at all vendors.
func (w *simulator) user(ctx context.Context, u simulatedUser) ([]judged, error) {
	var rows []judged
	w.profile = u.profile
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
	var err error
	if w.record, _, err = w.records.Load(ctx, record.AccountKey(v.name, u.id)); err != nil {
		return judged{}, err
	}
	r := &record.Record{}
	if decoded, err := record.Decode(w.record); err == nil { // Forecast reports an unreadable record
		r = decoded
	}
	e, known := u.created, r.State == record.Active
	if known {
		e = u.updated
	}
	again, err := again(v.name, e, u.at)
	if err != nil {
		return judged{}, err
	}
	f, err := v.judge(ctx, again)
	if err != nil {
		return judged{}, err
	}
	row := judged{SimulatedRow: SimulatedRow{Would: wouldOf(f), Reason: cmp.Or(f.Reply.Reason, f.Class), Message: f.Failure}, known: known}
	if v.byEmail && (row.Would == WouldCreate || row.Would == WouldUpdate) {
		row.email = vendors.NormalEmail(v.vendor.wrote.Email)
	}
	return row, nil
}

// judge predicts the end of an event of a resync.
func (v *simulatedAt) judge(ctx context.Context, r Resynced) (mailbox.Forecast, error) {
	v.vendor.wrote = vendors.User{}
	subject, header := r.letter.AsReplay()
	e, p, ok := v.Read(mailbox.Message{
		Stream: streams.ReplaysStream, Position: events.Position{Epoch: r.letter.Epoch, Seq: r.letter.Seq},
		Subject: subject, Header: header, Payload: r.letter.Payload,
	}, 1)
	if ok {
		return mailbox.Forecast{Preview: p}, nil
	}
	return v.Forecast(ctx, e, time.Now())
}
