package main

import (
	"cmp"
	"errors"
	"os"
	"os/user"
	"time"

	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// deed is who does something by hand, and why. It is written down before it is
// done; see usher audit.
type deed struct {
	As     string `help:"Who does it, for usher audit; else USHER_ACTOR, or the user of this machine." placeholder:"NAME"`
	Reason string `help:"Why, for usher audit." placeholder:"TEXT"`
}

// Validate refuses what would not be one line of usher audit.
func (d deed) Validate() error {
	if harmless(d.As, "") != d.As || harmless(d.Reason, "") != d.Reason {
		return errors.New("--as and --reason must be one line each")
	}
	return nil
}

// action is the deed as it is written down.
func (a *app) action(kind string, d deed) streams.Action {
	by := a.by(d)
	return streams.Action{Kind: kind, At: time.Now().UTC(), Who: by.Who, Why: by.Why}
}

// by is who does it, and why.
func (a *app) by(d deed) ops.Deed {
	return ops.Deed{Who: harmless(cmp.Or(d.As, a.getenv(config.ActorVar), here()), ""), Why: d.Reason}
}

// here is the user of this machine, as user@host.
func here() string {
	name, host := "unknown", "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return name + "@" + host
}
