package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/brake"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/ledger"
)

type statusCmd struct {
	Watch bool          `help:"Tell it again, every so often, until interrupted."`
	Every time.Duration `help:"With --watch: how often." default:"2s" placeholder:"DURATION"`
	JSON  bool          `help:"Print a JSON object; with --watch one a line."`
}

// Help is shown below the flags.
func (statusCmd) Help() string {
	return `Asks NATS, and no vendor: what it tells is the same from every machine.
serving: a process takes the vendor's events. idle: nobody does, and none wait. waiting: events wait, and nobody takes
them: is usher serve running, and is the vendor on there? on hold: the vendor fails or refuses us, and usher
tries it now and then. paused: by usher pause.
Exit code 0: every vendor that has consumers is serving, idle or paused, no lane is nearly full and no deletion is
held. 1: something wants a look.

Examples:
  usher status
  usher status --watch
  usher status --json | jq '.vendors[] | select(.state == "on hold")'`
}

// Validate refuses a time that is none.
func (s statusCmd) Validate() error {
	if s.Every < 100*time.Millisecond {
		return errors.New("--every must be at least 100ms")
	}
	return nil
}

// The states of a vendor.
const (
	servedNow      = "serving"
	servedIdle     = "idle"
	servedByNobody = "waiting"
	servedOnHold   = "on hold"
	servedPaused   = "paused"
)

// standing is how all stands.
type standing struct {
	At        time.Time      `json:"at"`
	OK        bool           `json:"ok"`
	Vendors   []vendorStatus `json:"vendors"`
	Deletions *brakeStatus   `json:"deletions,omitempty"` // where they are held
}

type brakeStatus struct {
	Since time.Time `json:"since"`
	Why   string    `json:"why"`
}

// vendorStatus is how a vendor stands.
type vendorStatus struct {
	Vendor     string     `json:"vendor"`
	State      string     `json:"state"`
	Why        string     `json:"why,omitempty"`
	Since      *time.Time `json:"since,omitempty"`
	Pending    uint64     `json:"pending"`    // stored, and not delivered yet
	Unfinished int        `json:"unfinished"` // delivered: at work, or waiting for their time
	Limit      int        `json:"limit"`      // of Unfinished, on its fullest lane
	Oldest     *time.Time `json:"oldest,omitempty"`
	Dead       int        `json:"dead_letters"`
	Full       bool       `json:"nearly_full"`
}

// Run tells how all stands.
func (s statusCmd) Run(ctx context.Context, a *app) error {
	c, b, end, err := a.reach(ctx)
	if err != nil {
		return err
	}
	defer end()
	for {
		now, err := look(ctx, b, c)
		if err != nil {
			return missing(err)
		}
		if s.Watch && !s.JSON && terminal(a.Stdout) {
			_, _ = fmt.Fprint(a.Stdout, "\x1b[H\x1b[2J") // from the top of the screen
		}
		if err := now.tell(a, s.JSON); err != nil {
			return err
		}
		switch {
		case !s.Watch && !now.OK:
			return silentError{}
		case !s.Watch:
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(s.Every):
		}
	}
}

// look asks NATS how all stands.
func look(ctx context.Context, b *bus.Bus, c config.Config) (standing, error) {
	now := standing{At: time.Now().UTC(), OK: true}
	holds, err := b.Holds(ctx, 3*c.Worker.HoldRetry)
	if err != nil {
		return now, err
	}
	graves, err := b.Graves(ctx)
	if err != nil {
		return now, err
	}
	for _, v := range vendorList(&c) {
		lanes, err := lanesOf(ctx, b, v.name, layout(c.NATS).Events)
		if errors.Is(err, errNoLanes) {
			continue
		}
		if err != nil {
			return now, err
		}
		one := vendorStands(v.name, lanes)
		if h, held := holds[v.name]; held && one.State != servedPaused {
			one.State, one.Why, one.Since = servedOnHold, h.Why, &h.Since
		}
		for _, g := range graves {
			if g.Vendor == v.name {
				one.Dead += g.Count
			}
		}
		now.OK = now.OK && !one.Full && slices.Contains([]string{servedNow, servedIdle, servedPaused}, one.State)
		now.Vendors = append(now.Vendors, one)
	}
	return now, now.brake(ctx, b)
}

// brake looks whether deletions are held.
func (s *standing) brake(ctx context.Context, b *bus.Bus) error {
	control, err := b.Bucket(ctx, bus.ControlKV)
	if err != nil {
		return err
	}
	r, err := brake.Read(ctx, ledger.KV{Bucket: control})
	if err == nil && r.Why != "" {
		s.Deletions, s.OK = &brakeStatus{Since: r.Held, Why: r.Why}, false
	}
	return err
}

// vendorStands looks at a vendor's lanes.
func vendorStands(vendor string, lanes []lanePlace) vendorStatus {
	v := vendorStatus{Vendor: vendor, State: servedIdle}
	taken, paused := false, 0
	for _, l := range lanes {
		s := l.at
		v.Pending += s.Pending
		v.Unfinished += s.Waiting
		v.Limit = max(v.Limit, s.Limit)
		v.Full = v.Full || (s.Limit > 0 && float64(s.Waiting) >= crowded*float64(s.Limit))
		if !s.Oldest.IsZero() && (v.Oldest == nil || s.Oldest.Before(*v.Oldest)) {
			v.Oldest = &s.Oldest
		}
		taken = taken || s.Asked
		if !s.PausedTo.IsZero() {
			paused++
		}
	}
	switch {
	case paused == len(lanes):
		v.State = servedPaused
	case taken:
		v.State = servedNow
	case v.Pending > 0 || v.Unfinished > 0:
		v.State = servedByNobody
	}
	return v
}

func (s standing) tell(a *app, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(a.Stdout).Encode(s)
	}
	var rows [][]string
	for _, v := range s.Vendors {
		rows = append(rows, []string{
			v.Vendor, v.state(s.At), fmt.Sprint(v.Pending), fmt.Sprintf("%d of %d", v.Unfinished, v.Limit), v.age(s.At), fmt.Sprint(v.Dead),
		})
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(a.Stderr, "no vendor has consumers on this NATS: usher serve makes them, once a vendor is on")
		return err
	}
	if err := a.print([]string{"vendor", "state", "pending", "unfinished", "oldest", "dead letters"}, rows); err != nil {
		return err
	}
	if s.Deletions != nil {
		_, err := fmt.Fprintf(a.Stdout, "deletions are on hold since %s: %s; see usher approve deletions --help\n", s.Deletions.Since.UTC().Format(time.RFC3339), s.Deletions.Why)
		return err
	}
	return nil
}

// state says how the vendor stands, and why.
func (v vendorStatus) state(now time.Time) string {
	said := []string{v.State}
	if v.Since != nil {
		said = append(said, "for "+now.Sub(*v.Since).Round(time.Second).String())
	}
	if v.Full {
		said = append(said, "(nearly full: see usher nats apply --help)")
	}
	text := strings.Join(said, " ")
	if v.Why != "" {
		text += ": " + v.Why
	}
	return text
}

// age is how old the oldest unfinished event is.
func (v vendorStatus) age(now time.Time) string {
	if v.Oldest == nil {
		return "-"
	}
	return now.Sub(*v.Oldest).Round(time.Second).String()
}
