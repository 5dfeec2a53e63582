package cli

import (
	"errors"
	"io"
	"strings"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/engine"
	"github.com/usherhq/usher/internal/natsrights"
)

// natsRightsCmd is usher nats rights.
type natsRightsCmd struct {
	User string `help:"Only the permissions of one user: ${enum}." enum:"worker,ingest,operator,producer,all" default:"all"`
}

// Help is shown below the flags.
func (natsRightsCmd) Help() string {
	return `Prints the accounts, users and permissions for the configuration of nats-server, with the names of
this configuration (nats.prefix, nats.events_stream, nats.audit_api_prefix …). Connects to no server.

  worker     usher serve with vendors
  ingest     usher serve for events over HTTP alone: worker.on, worker.measure: false, and no console
  operator   commands by hand, and usher serve with the console and without vendors
  producer   a producer of events on NATS

Examples:
  usher nats rights > users.conf
  usher nats rights --user ingest
  USHER_NATS_PREFIX=staging usher nats rights --user worker`
}

// errForeignAPI is returned for accounts around a JetStream of another account.
var errForeignAPI = errors.New("nats.domain or nats.api_prefix is set, so the streams are in an account elsewhere: add --user for the permissions of one user")

// Run prints the rights.
func (k natsRightsCmd) Run(a *app.App) error {
	c, err := a.Config()
	if err != nil {
		return err
	}
	rights := rightsOf(c.NATS)
	if k.User != "all" {
		_, err = io.WriteString(a.Stdout, rights.Of(k.User).Permissions())
		return err
	}
	if rights.API != "" {
		return app.Usage(errForeignAPI)
	}
	_, err = io.WriteString(a.Stdout, rights.File())
	return err
}

// rightsOf returns the names of the configuration for the rights.
func rightsOf(n config.NATS) natsrights.Config {
	l := engine.Layout(n)
	c := natsrights.Config{Names: l.Names, Events: l.Events, Own: l.Own, Inbox: n.InboxPrefix}
	if n.AuditAPIPrefix != "" {
		c.Audit = strings.TrimSuffix(n.AuditAPIPrefix, ".") + "."
	}
	switch {
	case n.Domain != "":
		c.API = "$JS." + n.Domain + ".API."
	case n.APIPrefix != "":
		c.API = strings.TrimSuffix(n.APIPrefix, ".") + "."
	}
	return c
}
