package natsrights

import (
	"fmt"
	"slices"
	"strings"
)

// Permissions returns the permissions of the user for the configuration of nats-server.
func (u User) Permissions() string {
	var b strings.Builder
	b.WriteString("permissions: {\n  publish: [\n")
	b.WriteString(subjects(u.Publish, "    "))
	b.WriteString("  ]\n  subscribe: [\n")
	b.WriteString(subjects([]Right{{u.Inbox, "answers"}}, "    "))
	b.WriteString("  ]\n}\n")
	return b.String()
}

// subjects returns the lines of a list of rights.
func subjects(list []Right, indent string) string {
	var b strings.Builder
	for _, r := range list {
		fmt.Fprintf(&b, "%s%q", indent, r.Subject)
		if r.Why != "" {
			b.WriteString(" # " + r.Why)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// The accounts of the configuration of nats-server.
const (
	accountUsher     = "USHER"
	accountAudit     = "AUDIT"
	accountWorkers   = "WORKERS"
	accountIngest    = "INGEST"
	accountOperators = "OPERATORS"
	accountProducers = "PRODUCERS"
)

const head = `# Users and permissions of Usher on NATS, included by nats-server.conf beside this file, or by
# another nats-server configuration. Written by: usher nats rights. Every permission is necessary,
# and nobody gets further: tests (cmd/usher) count the uses, and try to break out.
#
# The passwords are variables from a file outside of any repository: see passwords.example.conf.
# nats-server resolves variables per file, so passwords.conf is included here.
include passwords.conf

system_account: SYSTEM
accounts {
`

// File returns the accounts and users for nats-server. Every role has an account of its own: in
// one account, the right to a request is a right to have the answer published anywhere, and the
// right to make consumers is a right to have messages delivered anywhere (docs/decisions, 0160).
func (c Config) File() string {
	c.Names = c.Names.WithDefaults()
	var b strings.Builder
	b.WriteString(head)
	b.WriteString(c.usher())
	b.WriteString(c.auditAccount())
	b.WriteString(c.role(accountWorkers, `  # For usher serve. The user cannot create or change streams: the operator does so before the
  # start, by usher nats apply.
`, c.Of(Worker)))
	b.WriteString(c.role(accountOperators, `  # For commands by hand: usher status, dead, pause, approve, audit, reconcile, nats apply …,
  # and for a process with the console and without vendors (worker.on: false). The permissions
  # of usher forget may be moved to a separate user.
`, c.Of(Operator)))
	b.WriteString(c.role(accountIngest, `  # For usher serve with the endpoint for events alone: worker.on and worker.measure are false,
  # and there is no console.
`, c.Of(Ingest)))
	b.WriteString(c.role(accountProducers, `  # For producers on NATS.
`, c.Of(Producer)))
	b.WriteString(systemAccount)
	return b.String()
}

// usher returns the account of the streams, with the user for backups alone.
func (c Config) usher() string {
	return fmt.Sprintf(`  # The streams and buckets, but AUDIT.
  %s: {
    jetstream: enabled
    exports: [
%s    ]
    users: [
      # For backups and restores by the nats command: docs/operating.md. The user can read and
      # write everything.
%s    ]
  }

`, accountUsher, c.exports(), user("backup", c.backup()))
}

// exports returns the services of the account of the streams, with the accounts that may use each.
func (c Config) exports() string {
	roles := []struct{ account, name string }{{accountWorkers, Worker}, {accountOperators, Operator}, {accountIngest, Ingest}, {accountProducers, Producer}}
	accounts, order := map[string][]string{}, []string(nil)
	for _, role := range roles {
		for _, subject := range c.services(c.Of(role.name)) {
			if accounts[subject] == nil {
				order = append(order, subject)
			}
			accounts[subject] = append(accounts[subject], role.account)
		}
	}
	var b strings.Builder
	for _, subject := range order {
		fmt.Fprintf(&b, "      { service: %q%s, accounts: [%s] }\n", subject, responses(subject), strings.Join(accounts[subject], ", "))
	}
	return b.String()
}

// services returns the services of the account of the streams that a user needs. JetStream's API
// is one service: the server answers parts of it in every account. The permissions of the user,
// the only one of the account, are narrower.
func (c Config) services(u User) (list []string) {
	for _, r := range u.Publish {
		subject := r.Subject
		switch {
		case c.ofAudit(subject):
			continue
		case strings.HasPrefix(subject, defaultAPI):
			subject = "$JS.API.>"
		case strings.HasPrefix(subject, "$KV."):
			subject = "$KV.>"
		}
		if !slices.Contains(list, subject) {
			list = append(list, subject)
		}
	}
	return list
}

// responses returns the setting for a service with several answers to one request.
func responses(subject string) string {
	if subject == "$JS.API.>" {
		return ", response_type: stream"
	}
	return ""
}

// ofAudit reports whether a subject belongs to the account of AUDIT.
func (c Config) ofAudit(subject string) bool {
	return c.Audit != "" && (strings.HasPrefix(subject, c.Audit) || subject == c.Names.Subject("usher.audit"))
}

// auditAccount returns the account of AUDIT. No user of the account of the other streams reaches
// it.
func (c Config) auditAccount() string {
	if c.Audit == "" {
		return ""
	}
	log := c.names("AUDIT")
	u := User{Inbox: orDefault(c.Inbox, "_INBOX") + ".>", Publish: append(c.each("STREAM.UPDATE", "", "another age or number of replicas, by the nats command", log), c.backup().Publish...)}
	return fmt.Sprintf(`  # The audit log, with the user for its settings, backups and restores.
  %s: {
    jetstream: enabled
    exports: [
      { service: %q, accounts: [%s] }
      { service: "$JS.API.>", response_type: stream, accounts: [%s] }
    ]
    users: [
%s    ]
  }

`, accountAudit, c.Names.Subject("usher.audit"), accountOperators, accountOperators, user("auditor", u))
}

// backup returns the user for backups and restores.
func (c Config) backup() User {
	return User{Inbox: orDefault(c.Inbox, "_INBOX") + ".>", Publish: []Right{
		{"$JS.API.STREAM.INFO.*", ""},
		{"$JS.API.STREAM.SNAPSHOT.*", "start a backup"},
		{"$JS.SNAPSHOT.ACK.>", "acknowledge a part"},
		{"$JS.API.STREAM.DELETE.*", "remove a stream before the restore"},
		{"$JS.API.STREAM.RESTORE.*", "start a restore"},
		{"$JS.SNAPSHOT.RESTORE.>", "send a part"},
	}}
}

// role returns an account with imports, and one user.
func (c Config) role(account, about string, u User) string {
	var imports strings.Builder
	for _, subject := range c.services(u) {
		fmt.Fprintf(&imports, "      { service: { account: %s, subject: %q } }\n", accountUsher, subject)
	}
	if c.Audit != "" && u.Name == Operator {
		fmt.Fprintf(&imports, "      { service: { account: %s, subject: %q } }\n", accountAudit, c.Names.Subject("usher.audit"))
		fmt.Fprintf(&imports, "      { service: { account: %s, subject: \"$JS.API.>\" }, to: %q }\n", accountAudit, c.Audit+">")
	}
	return fmt.Sprintf("%s  %s: {\n    imports: [\n%s    ]\n    users: [\n%s    ]\n  }\n\n", about, account, imports.String(), user(u.login(), u))
}

// login returns the name of the user at the server.
func (u User) login() string {
	if u.Name == Worker {
		return "usher"
	}
	return u.Name
}

// user returns the lines of a user. The variable of the password has the name of the user.
func user(name string, u User) string {
	lines := fmt.Sprintf("user: %s\npassword: $%s_PASSWORD\n%s", name, strings.ToUpper(name), u.Permissions())
	return "      {\n        " + strings.ReplaceAll(strings.TrimSuffix(lines, "\n"), "\n", "\n        ") + "\n      }\n"
}

const systemAccount = `  # System account of the servers, for nats server report jetstream.
  SYSTEM: {
    users: [
      {
        user: system
        password: $SYSTEM_PASSWORD
        permissions: {
          publish: [
            "$SYS.REQ.SERVER.PING.JSZ"
          ]
          subscribe: [
            "_INBOX.>"
          ]
        }
      }
    ]
  }
}
`
