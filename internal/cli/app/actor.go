package app

import (
	"cmp"
	"errors"
	"os"
	"os/user"
	"time"

	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/ops"
)

// Actor is who does something by hand, and why. It is written down before it is
// done; see usher audit.
type Actor struct {
	As     string `help:"Who does it, for usher audit; else USHER_ACTOR, or the user of this machine." placeholder:"NAME"`
	Reason string `help:"Why, for usher audit." placeholder:"TEXT"`
}

// Validate refuses what would not be one line of usher audit.
func (d Actor) Validate() error {
	if output.Plain(d.As, "") != d.As || output.Plain(d.Reason, "") != d.Reason {
		return errors.New("--as and --reason must be one line each")
	}
	return nil
}

// Action is the deed as it is written down.
func (a *App) Action(kind string, d Actor) bus.Action {
	by := a.Actor(d)
	return bus.Action{Kind: kind, At: time.Now().UTC(), Who: by.Who, Why: by.Why}
}

// Actor is who does it, and why.
func (a *App) Actor(d Actor) ops.Deed {
	return ops.Deed{Who: output.Plain(cmp.Or(d.As, a.Getenv(config.ActorVar), here()), ""), Why: d.Reason}
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
