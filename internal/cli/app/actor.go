package app

import (
	"cmp"
	"errors"
	"os"
	"os/user"

	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/ops"
)

// Actor is the person behind an action by hand, and the reason. usher audit lists both.
type Actor struct {
	As     string `help:"Your name, for usher audit; USHER_ACTOR or the user of this machine by default." placeholder:"NAME"`
	Reason string `help:"The reason, for usher audit." placeholder:"TEXT"`
}

// Validate returns an error unless name and reason are one line each.
func (d Actor) Validate() error {
	if output.Plain(d.As, "") != d.As || output.Plain(d.Reason, "") != d.Reason {
		return errors.New("--as and --reason must be one line each")
	}
	return nil
}

// Actor returns the name and the reason of d, with the default for the name.
func (a *App) Actor(d Actor) ops.Actor {
	return ops.Actor{Who: output.Plain(cmp.Or(d.As, a.Getenv(config.ActorVar), localUser()), ""), Why: d.Reason}
}

// localUser returns the user of this machine as user@host.
func localUser() string {
	name, host := "unknown", "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return name + "@" + host
}
