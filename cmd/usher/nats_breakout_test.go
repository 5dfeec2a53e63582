package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams"
)

// secretRecord is in the bucket of records, and in an answer to the worker.
const secretRecord = `{"user_id":"u1","note":"only the worker may read this"}`

// encodedSecret is a part of the record as an answer of JetStream has it.
var encodedSecret = base64.StdEncoding.EncodeToString([]byte(secretRecord))[:40]

// guardedStreams are the streams of the example, AUDIT included.
var guardedStreams = []string{
	"EVENTS", "RESULTS", "OPEN_REPLAYS", "DEADLETTERS", "HISTORY", "TIMERS", "LEASES",
	"KV_ACCOUNTS", "KV_EFFECTS", "KV_ACTIVITY_INDEX", "KV_PROFILES", "KV_CONTROL", "KV_OWNERSHIP", "KV_ACCOUNT_INDEX", "AUDIT",
}

// strangeStream is a stream that an attacker tries to make.
const strangeStream = "evil"

// forbiddenTargets are subjects at which a message does harm.
var forbiddenTargets = []string{
	"usher.audit", "usher.replay.lead.user.created.k", "usher.dead.lead.user.created.k", "$KV.ACCOUNTS.lead.d", "$KV.CONTROL.deletions",
	"usher.timer.lead.1.d", "usher.lease.lead", "user.provisioned.lead", "usher.history.ab", "user.created",
	"$JS.API.STREAM.DELETE.HISTORY", "$JS.API.STREAM.PURGE.HISTORY", // requests with an empty body, or {}
}

// state is a stream from outside: the configuration, and the extent.
type state struct {
	Config json.RawMessage `json:"config"`
	State  struct {
		Messages uint64 `json:"messages"`
		Last     uint64 `json:"last_seq"`
	} `json:"state"`
}

// lost returns the number of removed messages.
func (s state) lost() uint64 { return s.State.Last - s.State.Messages }

// breakout is a server with the rights of the example, and messages in the streams.
type breakout struct {
	*guardedTerm
	keeper, auditor, worker *nats.Conn
}

// newBreakout starts a server with the users of a file, and fills the streams. AUDIT has one entry.
func newBreakout(t *testing.T, conf string) *breakout {
	t.Helper()
	w := guarded(t, strings.Split(conf, "\n"))
	b := &breakout{guardedTerm: &guardedTerm{world: w, ctx: t.Context(), operator: w.as("operator"), producer: w.as("producer")}}
	b.tell("nats", "apply")
	b.tell("pause", "lead", "--reason", "a test")
	b.keeper, b.worker = b.connect("backup"), b.connect("usher")
	b.auditor = b.keeper
	if strings.Contains(conf, auditAPI) {
		b.auditor = b.connect("auditor")
	}
	for _, nc := range []*nats.Conn{b.keeper, b.worker, b.auditor} {
		if nc != nil {
			t.Cleanup(nc.Close)
		}
	}
	if len(b.missed) > 0 {
		t.Fatalf("missed: %q\n%s", b.missed, w.log)
	}
	for subject, text := range map[string]string{
		"$KV.ACCOUNTS.lead.d": secretRecord, events.UserCreated: cloudEvent(events.UserCreated, "c1", oneUser), "usher.history.ab": "{}",
		"usher.dead.lead.user.created.k": "{}", "user.provisioned.lead": "{}",
	} {
		if _, err := b.worker.RequestWithContext(t.Context(), subject, []byte(text)); err != nil {
			t.Fatalf("%s: %v\n%s", subject, err, w.log)
		}
	}
	return b
}

// states returns all streams, once nothing has changed for some looks.
func (b *breakout) states(t *testing.T) map[string]state {
	t.Helper()
	var last map[string]state
	same := 0
	natstest.Until(t, "the streams are quiet", func() bool {
		now := map[string]state{}
		for _, name := range append(slices.Clone(guardedStreams), strangeStream) {
			nc, s := b.keeper, state{}
			if name == streams.AuditStream {
				nc = b.auditor
			}
			if err := b.ask(nc, "$JS.API.STREAM.INFO."+name, nil, &s); err == nil {
				now[name] = s
			}
		}
		if fmt.Sprint(now) != fmt.Sprint(last) {
			same, last = 0, now
			return false
		}
		same++
		return same == 5
	})
	return last
}

// attack is a message of somebody who tries to get further.
type attack struct {
	subject, reply, body string
	header               nats.Header
}

// try returns an attack without headers.
func try(subject, reply, body string) attack {
	return attack{subject: subject, reply: reply, body: body}
}

// attacks returns known attacks, and as many random ones.
func attacks(rights []right, seed uint64) (list []attack) {
	push := func(stream, target string) string {
		return fmt.Sprintf(`{"stream_name":%q,"config":{"durable_name":"x","name":"x","deliver_subject":%q,"ack_policy":"none","deliver_policy":"all"},"action":""}`, stream, target)
	}
	for _, stream := range guardedStreams {
		for _, request := range []string{
			"STREAM.DELETE.%s", "STREAM.PURGE.%s", "STREAM.SNAPSHOT.%s", "STREAM.RESTORE.%s", "STREAM.PEER.REMOVE.%s", "STREAM.LEADER.STEPDOWN.%s",
			"STREAM.UPDATE.%s", "STREAM.CREATE.%s", "CONSUMER.LIST.%s",
		} {
			body := fmt.Sprintf(`{"name":%q,"subjects":["gone.%s"],"retention":"limits","storage":"file","max_age":1000000000,"deliver_subject":"usher.audit"}`, stream, stream)
			list = append(list, try("$JS.API."+fmt.Sprintf(request, stream), "", body))
		}
		list = append(list, try("$JS.API.STREAM.MSG.DELETE."+stream, "", `{"seq":1}`))
		for i, target := range forbiddenTargets {
			name := fmt.Sprintf("x%d", i)
			body := strings.ReplaceAll(push(stream, target), `"x"`, `"`+name+`"`)
			list = append(list,
				try("$JS.API.CONSUMER.CREATE."+stream+"."+name, "", body),
				try("$JS.API.CONSUMER.DURABLE.CREATE."+stream+"."+name, "", body),
				try("$JS.API.STREAM.MSG.GET."+stream, target, `{"seq":1}`),
				try("$JS.API.DIRECT.GET."+stream, target, `{"seq":1}`),
				try("$JS.API.CONSUMER.MSG.NEXT."+stream+".usher-lead-lifecycle", target, `{"batch":5}`),
				try(target, "", "forged"))
		}
	}
	// The audit log is removed by a delivery on the subject of that request, if anyone can have one.
	removal := "$JS.API.STREAM.DELETE." + streams.AuditStream
	list = append(list, try("usher.audit", "", "{}"),
		try(auditAPI+".CONSUMER.CREATE.AUDIT.y", "", strings.ReplaceAll(push(streams.AuditStream, removal), `"x"`, `"y"`)),
		try(auditAPI+".CONSUMER.MSG.NEXT.AUDIT.y", removal, `{"batch":9}`),
		try(auditAPI+".STREAM.MSG.GET.AUDIT", removal, `{"seq":1}`),
		try(auditAPI+".STREAM.DELETE.AUDIT", "", ""))
	random := rand.New(rand.NewPCG(seed, 1))
	pick := func(list []string) string { return list[random.IntN(len(list))] }
	tokens := append([]string{"STREAM", "CONSUMER", "MSG", "CREATE", "GET", "DELETE", "DIRECT", "UPDATE", "$SYS", "x0", "META"}, guardedStreams...)
	for range len(list) {
		subject := []string{"$JS", "API"}
		for range 2 + random.IntN(4) {
			subject = append(subject, pick(tokens))
		}
		list = append(list, try(strings.Join(subject, "."), pick(forbiddenTargets), push(pick(guardedStreams), pick(forbiddenTargets))))
	}
	for _, r := range rights { // the answer to an allowed request goes to a subject of choice
		subject := strings.NewReplacer(">", "x0", "*", "x0").Replace(r.subject)
		for _, target := range forbiddenTargets {
			list = append(list, try(subject, target, `{"seq":1}`))
		}
	}
	return list
}

// attack sends all attacks as a user, and returns everything that came back.
func (b *breakout) attack(t *testing.T, user string, rights []right) (heard string) {
	t.Helper()
	nc := b.connect(user)
	if nc == nil {
		t.Fatalf("missed: %q", b.missed)
	}
	defer nc.Close()
	var said natstest.Log
	for _, subject := range []string{">", "_INBOX.>", "_R_.>", "$JS.>", "usher.>", "$KV.>"} { // most are refused
		if _, err := nc.Subscribe(subject, func(m *nats.Msg) { fmt.Fprintf(&said, "%s %s\n", m.Subject, m.Data) }); err != nil {
			t.Fatal(err)
		}
	}
	send := func(list []attack) {
		for _, a := range list {
			if a.reply == "" && a.awaited(rights) {
				limited, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				_, _ = nc.RequestMsgWithContext(limited, &nats.Msg{Subject: a.subject, Header: a.header, Data: []byte(a.body)}) // an error is an answer too
				cancel()
				continue
			}
			if a.reply == "" {
				a.reply = nc.NewInbox()
			}
			if err := nc.PublishMsg(&nats.Msg{Subject: a.subject, Reply: a.reply, Header: a.header, Data: []byte(a.body)}); err != nil {
				t.Fatalf("%s: %v", a.subject, err)
			}
		}
	}
	store, answers := answerAttacks()
	for _, list := range [][]attack{attacks(rights, 7), requestAttacks(), headersOfAttacks(), store, answers} {
		send(list)
	}
	// An answer for the worker, which nobody else may hear.
	request := []byte(`{"last_by_subj":"$KV.ACCOUNTS.lead.d"}`)
	if m, err := b.worker.RequestWithContext(t.Context(), "$JS.API.STREAM.MSG.GET.KV_ACCOUNTS", request); err != nil || len(m.Data) == 0 {
		t.Fatalf("the worker reads a record: %v", err)
	}
	if err := nc.FlushTimeout(natstest.Patience); err != nil {
		t.Fatal(err)
	}
	return said.String()
}

// grows lists the streams that a user may add messages to. The worker may make consumers, so it
// may add messages to every stream of its account: all but AUDIT.
var grows = map[string][]string{
	"ingest":   {"EVENTS", "DEADLETTERS"},
	"producer": {"EVENTS"},
	"usher":    slices.DeleteFunc(slices.Clone(guardedStreams), func(s string) bool { return s == streams.AuditStream }),
	"operator": guardedStreams,
}

// keeps lists the streams whose messages only the operator may remove, and of AUDIT nobody; of other
// streams, a later message may replace a former one.
var keeps = []string{streams.EventsStream, streams.ResultsStream, streams.HistoryStream, streams.AuditStream}

// changes returns the forbidden differences between two looks.
func changes(user string, before, after map[string]state) (list []string) {
	if _, ok := after[strangeStream]; ok {
		list = append(list, "there is a stream of the attacker")
	}
	for _, name := range guardedStreams {
		was, is := before[name], after[name]
		switch {
		case len(is.Config) == 0:
			list = append(list, name+" is gone")
		case user == "operator" && name != streams.AuditStream: // may do all that usher nats apply and usher forget do
		case string(was.Config) != string(is.Config):
			list = append(list, fmt.Sprintf("%s has the settings %s, had %s", name, is.Config, was.Config))
		case is.State.Last > was.State.Last && !slices.Contains(grows[user], name):
			list = append(list, name+" has further messages")
		case is.State.Messages < was.State.Messages && user != "usher", is.lost() > was.lost() && slices.Contains(keeps, name):
			list = append(list, name+" has lost messages")
		}
	}
	return list
}

// TestNATSBreakout tries to get further than the rights of each user, by requests, consumers,
// subjects of answers, and at random.
func TestNATSBreakout(t *testing.T) {
	t.Parallel()
	_, all := userRights(t)
	for _, user := range []string{"ingest", "producer", "usher", "operator"} {
		t.Run(user, func(t *testing.T) {
			t.Parallel()
			b := newBreakout(t, usersConf(t, withAudit))
			before := b.states(t)
			heard := b.attack(t, user, slices.DeleteFunc(slices.Clone(all), func(r right) bool { return r.user != user || r.verb != "publish" }))
			for _, change := range changes(user, before, b.states(t)) {
				t.Error(change)
			}
			if (user == "ingest" || user == "producer") && (strings.Contains(heard, encodedSecret) || strings.Contains(heard, "only the worker")) {
				t.Errorf("heard a record:\n%s", heard)
			}
		})
	}
	t.Run("under a prefix", func(t *testing.T) {
		t.Parallel()
		const prefix = "USHER_NATS_PREFIX=staging"
		w := guarded(t, strings.Split(usersConf(t, withAudit, prefix), "\n"))
		w.environ = append(w.environ, prefix)
		w.as("operator").must("nats", "apply")
		w.as("operator").must("pause", "lead", "--reason", "a test")
		w.as("operator").must("resume", "lead", "--reason", "a test")
		w.as("producer").send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.UserCreated, "c1", oneUser))
		worker := w.as("usher")
		worker.serve()
		w.as("operator").expect("c1", everywhere)
		worker.end()
		if strings.Contains(strings.ToLower(w.log.String()), "permissions violation") {
			t.Errorf("something was refused:\n%s", w.log)
		}
	})
	// Without an account for AUDIT, a worker can forge an entry: the attacks are seen to work.
	t.Run("one account", func(t *testing.T) {
		t.Parallel()
		b := newBreakout(t, usersConf(t))
		before := b.states(t)
		b.attack(t, "usher", nil)
		limit := time.Now().Add(natstest.Patience)
		for len(changes("usher", before, b.states(t))) == 0 {
			if time.Now().After(limit) {
				t.Fatal("no attack works: the test sees nothing")
			}
		}
	})
}
