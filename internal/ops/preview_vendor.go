package ops

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/profile"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

// previewDeps opens the streams that a preview reads.
func (s *Service) previewDeps(ctx context.Context) (mailbox.Deps, error) {
	accounts, err := streams.OpenRecords(ctx, s.Streams.Client, streams.AccountsBucket)
	if err != nil {
		return mailbox.Deps{}, err
	}
	effects, err := streams.OpenRecords(ctx, s.Streams.Client, streams.EffectsBucket)
	if err != nil {
		return mailbox.Deps{}, err
	}
	var index mailbox.Records = noRecords{}
	stored, err := streams.OpenIndex(ctx, s.Streams.Client)
	switch {
	case err == nil:
		index = stored
	case !errors.Is(err, streams.ErrNoStream): // without an index no account is reserved
		return mailbox.Deps{}, err
	}
	profiles, err := s.profiles(ctx)
	if err != nil {
		return mailbox.Deps{}, err
	}
	decoder, err := Decoder(s.Config)
	if err != nil {
		return mailbox.Deps{}, err
	}
	return mailbox.Deps{
		Records: readRecords{accounts, effects}, Index: index, Decoder: decoder, Handlers: s.Handlers, Log: zerolog.Nop(), Profiles: mailbox.PeekProfiles(profiles.Load),
	}, nil
}

// profiles opens the profiles of users.
func (s *Service) profiles(ctx context.Context) (*profile.Store, error) {
	keys, err := profile.ReadKeys(s.Config.Profiles.Keys)
	if err != nil {
		return nil, err
	}
	store, err := profile.Open(ctx, s.Streams.Client, keys)
	if errors.Is(err, streams.ErrNoStream) { // of a former version
		return profile.NewStore(noRecords{}, keys), nil
	}
	return store, err
}

// noRecords is a bucket without a value.
type noRecords struct{}

func (noRecords) Load(context.Context, string) ([]byte, uint64, error) { return nil, 0, nil }

func (noRecords) Store(context.Context, string, []byte, uint64) (uint64, error) {
	return 0, streams.ErrNoStream
}

// eventPreviewer previews events at one vendor, one after the other.
type eventPreviewer struct {
	*mailbox.Previewer
	name  string
	off   string // why the vendor is off here
	held  string // why deletions are on hold
	scope string // the expression of the rule; empty: none
	port  vendors.Adapter
	rules *watchedRules
	calls []vendors.Request // refused in the present preview
}

// open builds the adapter and compiles the rules.
func (x *eventPreviewer) open(v Vendor, c mailbox.Config, d mailbox.Deps) error {
	port, err := v.ReadOnly(func(r vendors.Request) { x.calls = append(x.calls, r) })
	if err != nil {
		return err
	}
	x.port = port
	vendor := &mailbox.Vendor{Name: v.Name}
	vendor.Port.Store(&port)
	rules, err := v.compiled()
	if err != nil {
		return err
	}
	if rules != nil {
		x.rules = &watchedRules{Rules: rules}
		vendor.Rules = x.rules
	}
	x.Previewer = mailbox.NewPreviewer(vendor, c, d)
	return nil
}

// compiled returns the compiled rules of the team; nil: none.
func (v Vendor) compiled() (handlers.Rules, error) {
	if v.Rules == nil {
		return nil, nil
	}
	return v.Rules()
}

// watchedRules keep the profile and the user of the last evaluation, whose values are masked.
type watchedRules struct {
	handlers.Rules
	profile []byte
	mapped  []byte
}

// InScope keeps the profile.
func (w *watchedRules) InScope(p handlers.Profile, e events.Event) (bool, error) {
	w.profile = p.Data
	return w.Rules.InScope(p, e)
}

// Map keeps the profile and the mapped user.
func (w *watchedRules) Map(p handlers.Profile, e events.Event, u vendors.User, creating bool) (vendors.User, error) {
	u, err := w.Rules.Map(p, e, u, creating)
	w.profile = p.Data
	w.mapped, _ = json.Marshal(map[string]any{ // texts and raw JSON always have a JSON form
		"email": u.Email, "first_name": u.FirstName, "last_name": u.LastName, "phone": u.Phone, "attributes": u.Attributes,
	})
	return u, err
}

// all previews events in order. An event behind a change of the same account in the list depends on
// that change. A nil preview is of a replay for another vendor.
func (x *eventPreviewer) all(ctx context.Context, list []previewMessage) ([]*VendorPreview, error) {
	out := make([]*VendorPreview, len(list))
	changed := map[string]string{} // user → id of the event with a change
	for i, m := range list {
		if m.vendor != "" && m.vendor != x.name {
			continue
		}
		p, e, err := x.one(ctx, m)
		if err != nil {
			return nil, err
		}
		if before, ok := changed[events.UserID(m.event)]; ok && e != nil && e.Handler.Scope != events.ScopeActivity && p.decided() {
			p = VendorPreview{Vendor: x.name, Would: WouldDepend, Behind: before}
		} else if p.changes() || (x.rules != nil && m.replay == 0 && e != nil && e.Handler.Snapshot) { // the profile changes as well
			changed[events.UserID(m.event)] = m.event.ID()
		}
		out[i] = &p
	}
	return out, nil
}

// decided reports whether the present account decides the preview.
func (p VendorPreview) decided() bool {
	return p.Would != WouldIgnore && p.Would != WouldUnknown
}

// changes reports whether the event would change the account, or wait.
func (p VendorPreview) changes() bool {
	switch p.Would {
	case WouldCreate, WouldAdopt, WouldUpdate, WouldEnable, WouldDisable, WouldDelete, WouldRestore:
		return true
	}
	return false
}

// one previews an event.
func (x *eventPreviewer) one(ctx context.Context, m previewMessage) (VendorPreview, *mailbox.Event, error) {
	if x.off != "" {
		return VendorPreview{Vendor: x.name, Would: WouldUnknown, Message: "the vendor is off here: " + x.off}, nil, nil
	}
	x.calls = nil
	if x.rules != nil {
		x.rules.profile, x.rules.mapped = nil, nil
	}
	e, p, ok := x.Read(m.message, m.replay)
	if !ok && !e.Handler.Supports(x.port) {
		return VendorPreview{Vendor: x.name, Would: WouldIgnore}, e, nil
	}
	f := mailbox.Forecast{Preview: p}
	if !ok {
		var err error
		if f, err = x.Forecast(ctx, e, time.Now()); err != nil {
			return VendorPreview{}, e, err
		}
	}
	v := x.words(f)
	mask := newMasker(x.data(e)...)
	for _, call := range x.calls {
		v.Requests = append(v.Requests, mask.request(call))
	}
	if e.Handler.Removes && v.changes() && x.held != "" {
		v.Would, v.Held = WouldWait, x.held
	}
	return v, e, nil
}

// data returns the data whose values are masked.
func (x *eventPreviewer) data(e *mailbox.Event) [][]byte {
	list := [][]byte{e.Data()}
	if x.rules != nil {
		list = append(list, x.rules.profile, x.rules.mapped)
	}
	return list
}

// words returns a forecast in words.
func (x *eventPreviewer) words(f mailbox.Forecast) VendorPreview {
	p := VendorPreview{Vendor: x.name, Class: f.Class, Message: cmp.Or(f.Failure, f.Message), Until: f.Until, Behind: f.Behind}
	p.Would = wouldOf(f)
	switch f.Would {
	case mailbox.PreviewCall:
	case mailbox.PreviewDone, mailbox.PreviewUnderWay:
		p.Message = "usher has this event already: " + cmp.Or(f.Outcome, string(f.Would))
		return p
	case mailbox.PreviewRefused:
		p.Class, p.Message = "invalid", f.Pointer+" "+f.Rule+": "+f.Message
		return p
	default:
		return p
	}
	if p.Would == WouldFail || p.Would == WouldWait {
		return p
	}
	r := f.Reply
	p.AccountID, p.MatchedBy, p.Changed, p.Reason = r.Account.ID, r.MatchedBy, r.Changed, r.Reason
	if p.Would == WouldSkip {
		p.Action = r.Action
		if p.Reason == handlers.ReasonScope && x.scope != "" {
			p.Message = "the rule: " + x.scope
		}
	}
	return p
}

// byRecord are the words of events that need no attempt.
var byRecord = map[mailbox.PreviewOutcome]string{
	mailbox.PreviewSuperseded: WouldSupersede, mailbox.PreviewDone: WouldRepeat, mailbox.PreviewUnderWay: WouldRepeat,
	mailbox.PreviewWait: WouldWait, mailbox.PreviewRefused: WouldFail, mailbox.PreviewUnsupported: WouldIgnore,
}

// wouldOf returns the word of a forecast.
func wouldOf(f mailbox.Forecast) string {
	switch {
	case f.Would != mailbox.PreviewCall:
		return byRecord[f.Would]
	case f.Changes:
		return verbs[f.Reply.Action]
	case f.Retried:
		return WouldWait
	case f.Class != "":
		return WouldFail
	case f.Reply.Outcome == events.Skipped:
		return WouldSkip
	case f.Reply.Outcome == events.Superseded:
		return WouldSupersede
	case f.Reply.Outcome == events.Unsupported:
		return WouldUnsupported
	}
	return cmp.Or(verbs[f.Reply.Action], WouldNothing)
}

// readRecords reads the records of users, and of activity in another bucket.
type readRecords struct{ users, effects *streams.Records }

// Load reads a record.
func (r readRecords) Load(ctx context.Context, key string) ([]byte, uint64, error) {
	if record.IsActivityKey(key) {
		return r.effects.Load(ctx, key)
	}
	return r.users.Load(ctx, key)
}

// Store refuses: a preview only reads.
func (readRecords) Store(context.Context, string, []byte, uint64) (uint64, error) {
	return 0, vendors.ErrReadOnly
}
