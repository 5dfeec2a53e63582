package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/streams"
)

// upkeep does what docs/operating.md does with the nats command, by the same requests: it
// backs the streams up, removes and restores them, and asks how the servers stand. It
// returns what did not come.
func (w *world) upkeep(ctx context.Context) (missed []string) {
	p := &guardedTerm{world: w, ctx: ctx, operator: w.as("operator"), producer: w.as("producer")}
	p.tell("nats", "apply")
	_, _ = p.as(p.producer, people(events.UserCreated, 1, 50), "send", "-")
	keeper, auditor, system := p.connect("backup"), p.connect("auditor"), p.connect("system")
	if keeper == nil || auditor == nil || system == nil {
		return p.missed
	}
	for range 20 { // a backup of several parts
		p.tell("pause", "lead", "--reason", rand.Text()+rand.Text()+rand.Text())
	}
	p.tell("resume", "lead")
	p.audited(auditor)
	for _, nc := range []*nats.Conn{auditor, keeper, system} {
		defer nc.Close()
		defer func() { _ = nc.Flush() }() // a refusal of the last message comes before the answer
	}
	for _, stream := range []string{"KV_" + streams.AccountsBucket, streams.EventsStream} {
		if err := p.backedUp(keeper, stream); err != nil {
			p.missed = append(p.missed, fmt.Sprintf("%s: %v", stream, err))
		}
	}
	if _, err := p.as(p.operator, "", "nats", "check"); err != nil {
		p.missed = append(p.missed, "nats check")
	}
	var stands struct {
		Data struct {
			Messages int `json:"messages"`
		} `json:"data"`
	}
	if err := p.ask(system, "$SYS.REQ.SERVER.PING.JSZ", nil, &stands); err != nil || stands.Data.Messages < 50 {
		p.missed = append(p.missed, fmt.Sprintf("how the servers stand: %v, %v", stands, err))
	}
	return p.missed
}

// audited changes the audit log's age, and backs the log up.
func (p *guardedTerm) audited(nc *nats.Conn) {
	js, err := jetstream.New(nc)
	if err == nil {
		var log jetstream.Stream
		if log, err = js.Stream(p.ctx, streams.AuditStream); err == nil {
			c := log.CachedInfo().Config
			c.MaxAge *= 2
			_, err = js.UpdateStream(p.ctx, c)
			c.MaxAge /= 2
			if err == nil {
				_, err = js.UpdateStream(p.ctx, c)
			}
		}
	}
	if err == nil {
		err = p.backedUp(nc, streams.AuditStream)
	}
	if err != nil {
		p.missed = append(p.missed, fmt.Sprintf("the audit log: %v", err))
	}
}

// connect is a connection as one of the users; nil where there is none.
func (p *guardedTerm) connect(user string) *nats.Conn {
	said := func(_ *nats.Conn, _ *nats.Subscription, err error) { fmt.Fprintf(p.log, "%s: %v\n", user, err) }
	nc, err := nats.Connect(p.nats, nats.UserInfo(user, natsPassword), nats.ErrorHandler(said))
	if err != nil {
		p.missed = append(p.missed, err.Error())
		return nil
	}
	return nc
}

// former leaves what a former version has left, for nats apply to move over: the queue of
// replays, and a consumer that was pinned to one process.
func (p *guardedTerm) former() {
	nc := p.connect("former") // nobody may make the queue today
	if nc == nil {
		return
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	for _, c := range []jetstream.StreamConfig{
		{Name: streams.EventsStream, Subjects: events.Types()},
		{Name: "REPLAYS", Subjects: []string{"usher.replay.>"}, Retention: jetstream.WorkQueuePolicy},
		{Name: "KV_" + streams.ControlBucket, Subjects: []string{"$KV." + streams.ControlBucket + ".>"}, MaxMsgsPerSubject: 1, AllowRollup: true, DenyDelete: true, AllowDirect: true},
	} {
		if err == nil {
			_, err = js.CreateStream(p.ctx, c)
		}
	}
	if err == nil {
		_, err = js.CreateConsumer(p.ctx, streams.EventsStream, jetstream.ConsumerConfig{
			Durable: "usher-lead-lifecycle", FilterSubjects: []string{events.UserCreated}, AckPolicy: jetstream.AckExplicitPolicy,
			PriorityPolicy: jetstream.PriorityPolicyPinned, PriorityGroups: []string{"owner"},
		})
	}
	if err == nil {
		_, err = js.Publish(p.ctx, "usher.replay.gone.user.created", []byte(cloudEvent(events.UserCreated, "former", oneUser))) // at a vendor that is gone
	}
	if err != nil {
		p.missed = append(p.missed, fmt.Sprintf("what a former version has left: %v", err))
	}
}

// ask sends a request, and reads the answer into out.
func (p *guardedTerm) ask(nc *nats.Conn, subject string, request, out any) error {
	var body []byte
	if request != nil {
		body, _ = json.Marshal(request)
	}
	m, err := nc.RequestWithContext(p.ctx, subject, body)
	if err != nil {
		return fmt.Errorf("%s: %w", subject, err)
	}
	var refused struct {
		Error any `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &refused); err != nil || refused.Error != nil {
		return fmt.Errorf("%s: %v, %w", subject, refused.Error, err)
	}
	return json.Unmarshal(m.Data, out)
}

// snapshot is a stream outside NATS.
type snapshot struct {
	Config json.RawMessage `json:"config"`
	State  json.RawMessage `json:"state"`
	parts  [][]byte
}

// backedUp backs a stream up, removes it, restores it, and compares.
func (p *guardedTerm) backedUp(nc *nats.Conn, stream string) error {
	s, err := p.backup(nc, stream)
	if err != nil {
		return err
	}
	var removed, restored struct {
		State struct {
			Messages int `json:"messages"`
		} `json:"state"`
	}
	if err := p.ask(nc, "$JS.API.STREAM.DELETE."+stream, nil, &removed); err != nil {
		return err
	}
	if err := p.restore(nc, stream, s); err != nil {
		return err
	}
	if err := p.ask(nc, "$JS.API.STREAM.INFO."+stream, nil, &restored); err != nil {
		return err
	}
	if err := json.Unmarshal(s.State, &removed.State); err != nil || restored.State.Messages != removed.State.Messages {
		return fmt.Errorf("got %d messages back, want %d (%w)", restored.State.Messages, removed.State.Messages, err)
	}
	return nil
}

func (p *guardedTerm) backup(nc *nats.Conn, stream string) (s snapshot, err error) {
	inbox := nc.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return s, err
	}
	defer sub.Unsubscribe()
	const part = 1024 // bytes, the least: further ones come when it is acknowledged
	request := map[string]any{"deliver_subject": inbox, "chunk_size": part, "window_size": part}
	if err := p.ask(nc, "$JS.API.STREAM.SNAPSHOT."+stream, request, &s); err != nil {
		return s, err
	}
	for {
		m, err := sub.NextMsgWithContext(p.ctx)
		if err != nil {
			return s, err
		}
		if len(m.Data) == 0 { // the end
			return s, nil
		}
		s.parts = append(s.parts, m.Data)
		if m.Reply != "" {
			m.Respond(nil)
		}
	}
}

func (p *guardedTerm) restore(nc *nats.Conn, stream string, s snapshot) error {
	var to struct {
		Subject string `json:"deliver_subject"`
	}
	if err := p.ask(nc, "$JS.API.STREAM.RESTORE."+stream, s, &to); err != nil {
		return err
	}
	for _, part := range s.parts {
		if _, err := nc.RequestWithContext(p.ctx, to.Subject, part); err != nil {
			return err
		}
	}
	var made struct{}
	return p.ask(nc, to.Subject, nil, &made)
}
