package ops

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/notify"
	"github.com/usherhq/usher/internal/streams"
)

// maxCauses is the number of causes of dead letters with a problem of their own; the others share one.
const maxCauses = 20

// readShare bounds the time of reading dead letters: one part in readShare.
const readShare = 20

// Lookout finds the problems that notifications report. The zero value is ready. A Lookout reads the
// dead letters only after a change.
type Lookout struct {
	mu   sync.Mutex
	at   streams.Extent // of the dead letters at the last reading
	dead []notify.Problem
	next time.Time // the earliest time of the next reading
}

// Problems returns the present problems. audit reports whether AUDIT can be read.
func (l *Lookout) Problems(ctx context.Context, s *Service, audit bool) (list []notify.Problem, err error) {
	for _, part := range []func(context.Context, *Service) ([]notify.Problem, error){
		ofVendors, ofDeletions, l.ofDead,
		func(ctx context.Context, s *Service) ([]notify.Problem, error) { return ofStorage(ctx, s, audit) },
	} {
		found, err := part(ctx, s)
		if err != nil {
			return nil, err
		}
		list = append(list, found...)
	}
	return list, nil
}

// FailingFor is the time without a success after which a failing vendor is a problem, as in the alert
// UsherVendorFailing. Short failures end by the next tries.
const FailingFor = 5 * time.Minute

// ofVendors returns the holds of vendors, and the failing and late ones among the others. The waiting
// events of a vendor on hold have the same cause.
func ofVendors(ctx context.Context, s *Service) (list []notify.Problem, err error) {
	o, err := s.Orders(ctx)
	if err != nil {
		return nil, err
	}
	for _, v := range s.Vendors {
		section, _ := s.Config.Section(v.Name)
		if _, paused := o.pauses[v.Name]; paused || section.Rules.Mode.Is(config.Off) {
			continue // by a person
		}
		if h, held := o.holds[v.Name]; held {
			list = append(list, ofHold(v.Name, h))
			continue
		}
		load, err := s.Load(ctx, v.Name)
		if errors.Is(err, ErrNoConsumers) {
			continue
		}
		if err != nil {
			return nil, err
		}
		at, err := s.StatusOf(ctx, v.Name, load, o)
		if err != nil {
			return nil, err
		}
		list = append(list, ofStatus(at, s.Config.Notify.Lag, time.Now())...)
	}
	return list, nil
}

// ofStatus returns the problems of a vendor that is neither on hold nor paused: nobody succeeds, or the
// oldest event waits longer than a limit. The last error may have a text of the vendor, and stays in
// usher status.
func ofStatus(v VendorStatus, limit time.Duration, now time.Time) (list []notify.Problem) {
	if v.State == Failing && now.Sub(*v.Since) >= FailingFor {
		list = append(list, notify.Problem{
			Kind: notify.VendorFails, Key: v.Vendor, Vendor: v.Vendor, Count: v.Failed.Users, Since: *v.Since,
			Text: v.Vendor + " fails: several users wait after failed tries, and nobody has succeeded since",
		})
	}
	if v.Oldest == nil || now.Sub(*v.Oldest) < limit {
		return list
	}
	return append(list, notify.Problem{
		Kind: notify.Lag, Key: v.Vendor, Vendor: v.Vendor, Count: int(v.Pending+v.Replays) + v.Unfinished, Since: v.Oldest.Add(limit),
		Text: fmt.Sprintf("events for %s have waited longer than %s", v.Vendor, config.Short(limit)),
	})
}

// ofHold returns the problem of a hold. The reason may have a text of the vendor, and stays in usher
// status.
func ofHold(vendor string, h streams.Hold) notify.Problem {
	p := notify.Problem{Kind: notify.Hold, Key: vendor, Vendor: vendor, Since: h.Since, Text: vendor + " is on hold: the calls fail, and Usher makes none until a check goes well"}
	if h.Credentials {
		p.Kind, p.Text = notify.Credentials, vendor+" refuses the credentials, and is on hold"
	}
	return p
}

// ofDeletions returns the holds of the deletion guard.
func ofDeletions(ctx context.Context, s *Service) (list []notify.Problem, err error) {
	g, err := s.guards(ctx)
	if err != nil {
		return nil, err
	}
	if g.all.Why != "" {
		list = append(list, notify.Problem{Kind: notify.Deletions, Key: "all", Since: g.all.Held, Text: "deletions at all vendors are held: far more than usual"})
	}
	for _, name := range g.names() {
		if r := g.vendors[name]; r.Why != "" {
			list = append(list, notify.Problem{Kind: notify.Deletions, Key: name, Vendor: name, Since: r.Held, Text: "deletions at " + name + " are held: far more than usual"})
		}
	}
	return list, nil
}

// ofStorage returns the streams and buckets that are nearly full.
func ofStorage(ctx context.Context, s *Service, audit bool) (list []notify.Problem, err error) {
	usage, err := s.Streams.Usage(ctx, audit)
	for _, u := range usage {
		if u.NearlyFull() {
			list = append(list, notify.Problem{Kind: notify.Storage, Key: u.Stream, Text: u.Stream + " holds more than 80 % of its limit"})
		}
	}
	return list, err
}

// ofDead returns the dead letters by cause.
func (l *Lookout) ofDead(ctx context.Context, s *Service) ([]notify.Problem, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, err := s.Streams.Client.Extent(ctx, streams.DeadLettersStream)
	if err != nil || now == l.at || time.Now().Before(l.next) {
		return l.dead, err
	}
	began := time.Now()
	letters, err := s.Letters(ctx, DeadFilter{})
	if err != nil {
		return nil, err
	}
	l.dead, l.at = deadProblems(Groups(letters)), now
	l.next = time.Now().Add(readShare * time.Since(began))
	return l.dead, nil
}

// deadProblems returns a problem for each of the largest groups, and one for all others.
func deadProblems(groups []Group) (list []notify.Problem) {
	at := map[string]int{} // index in list by key
	for i, g := range groups {
		p := deadProblem(g)
		if i >= maxCauses {
			p.Key, p.Vendor, p.Text = "others", "", "dead letters of further causes wait"
		}
		if n, same := at[p.Key]; same {
			list[n].Count += p.Count
			continue
		}
		at[p.Key] = len(list)
		list = append(list, p)
	}
	return list
}

// plainCause is the form of causes that a message names. A pointer may have a name given by a sender.
var plainCause = regexp.MustCompile(`^[A-Za-z0-9._:/ -]{1,120}$`)

// deadProblem returns the problem of a group of dead letters. Courses have ids of plain form; other
// texts are left out: a vendor's answer may have personal data.
func deadProblem(g Group) notify.Problem {
	key, _, _ := strings.Cut(g.Cause.Key, ":/data/attributes")
	if !plainCause.MatchString(key) {
		key = g.Class
	}
	p := notify.Problem{Kind: notify.Dead, Key: key, Count: g.Letters, Since: g.Oldest}
	if len(g.Vendors) == 1 && !slices.Contains([]string{streams.EventPlace, Deliveries}, g.Vendors[0]) {
		p.Vendor = g.Vendors[0]
	}
	p.Text = "dead letters wait for a person, with the cause " + key
	return p
}
