package streams_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/streams"
)

// auditLog is an audit log in a stream that allows deletions, unlike the stream of usher: an
// attacker with all rights on NATS may have changed the stream.
type auditLog struct {
	*streams.Audit
	t      *testing.T
	js     jetstream.JetStream
	stream jetstream.Stream
}

func newAuditLog(t *testing.T, key string) *auditLog {
	t.Helper()
	set, _ := emptySet(t)
	js := set.Client.JetStream
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: streams.AuditStream, Subjects: []string{streams.AuditSubject}})
	check(t, err)
	set.Audit.SignWith([]byte(key))
	return &auditLog{set.Audit, t, js, stream}
}

// record records n actions.
func (l *auditLog) record(n int) {
	l.t.Helper()
	for i := range n {
		check(l.t, l.Record(l.t.Context(), "/usher", streams.Action{
			Kind: streams.VendorPaused, At: time.Unix(int64(i), 0).UTC(), Who: "ann@school", Why: fmt.Sprint("reason ", i), Vendor: "acme",
		}))
	}
}

// forge stores a message as it is.
func (l *auditLog) forge(m *nats.Msg) {
	l.t.Helper()
	_, err := l.js.PublishMsg(l.t.Context(), m)
	check(l.t, err)
}

// stored returns a stored message without the headers of the server.
func (l *auditLog) stored(seq uint64) *nats.Msg {
	l.t.Helper()
	m, err := l.stream.GetMsg(l.t.Context(), seq)
	check(l.t, err)
	for name := range m.Header {
		if strings.HasPrefix(name, "Nats-") {
			m.Header.Del(name)
		}
	}
	return &nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Data}
}

// want verifies the log and compares the beginnings of the faults as "sequence: problem".
func (l *auditLog) want(want ...string) {
	l.t.Helper()
	report, err := l.Verify(l.t.Context())
	check(l.t, err)
	ok := len(report.Faults) == len(want)
	for i, f := range report.Faults {
		ok = ok && strings.HasPrefix(fmt.Sprintf("%d: %s", f.Seq, f.Problem), want[i])
	}
	if !ok {
		l.t.Errorf("got %+v, want %q", report.Faults, want)
	}
}

const auditKey = "a key of the tests"

func TestAuditLogVerifies(t *testing.T) {
	t.Parallel()
	l := newAuditLog(t, auditKey)
	l.want()
	l.record(5)
	l.want()
}

func TestAuditLogFindsRemovedEntries(t *testing.T) {
	t.Parallel()
	l := newAuditLog(t, "")
	l.record(8)
	for _, seq := range []uint64{3, 4, 6, 8} {
		check(t, l.stream.SecureDeleteMsg(t.Context(), seq))
	}
	l.want("3: 2 entries were removed", "6: 1 entries", "8: 1 entries")
	l.record(1) // behind a removed entry
	l.want("3: 2 entries were removed", "6: 1 entries", "8: 1 entries")
}

func TestAuditLogFindsForgedEntries(t *testing.T) {
	t.Parallel()
	l := newAuditLog(t, auditKey)
	l.record(2)
	m := l.stored(2)
	m.Header.Del("Usher-Chain")
	l.forge(m)
	l.record(1)
	l.want("3: no link")
	l.SignWith(nil)
	l.record(1) // by a person with the rights of an operator, but without the key
	l.SignWith([]byte(auditKey))
	l.forge(l.stored(2)) // an old entry once more
	l.record(1)
	l.want("3: no link", "5: the link does not fit", "6: the link does not fit")
}

func TestAuditLogFindsChangedEntries(t *testing.T) {
	t.Parallel()
	original := newAuditLog(t, "")
	original.record(4)
	for name, change := range map[string]func(*nats.Msg){
		"data":            func(m *nats.Msg) { m.Data = []byte(strings.Replace(string(m.Data), "ann@school", "bob@school", 1)) },
		"added header":    func(m *nats.Msg) { m.Header.Set("ce-extra", "x") },
		"removed header":  func(m *nats.Msg) { m.Header.Del("Content-Type") },
		"link":            func(m *nats.Msg) { m.Header.Set("Usher-Chain", strings.Repeat("0", 64)) },
		"repeated header": func(m *nats.Msg) { m.Header.Add("Content-Type", "text/plain") },
	} {
		t.Run(name, func(t *testing.T) {
			l := newAuditLog(t, "")
			for seq := range uint64(4) {
				m := original.stored(seq + 1)
				if seq == 1 {
					change(m)
				}
				l.forge(m)
			}
			want := []string{"2: the link does not fit"}
			if name == "link" {
				want = append(want, "3: the link does not fit")
			}
			l.want(want...)
		})
	}
}

func TestAuditLogOfAFormerVersion(t *testing.T) {
	t.Parallel()
	l := newAuditLog(t, "")
	other := newAuditLog(t, "")
	other.record(1)
	former := other.stored(1)
	former.Header.Del("Usher-Chain")
	l.forge(former)
	l.record(2)
	report, err := l.Verify(t.Context())
	check(t, err)
	if report.Entries != 3 || report.Unlinked != 1 || len(report.Faults) != 0 {
		t.Errorf("got %+v", report)
	}
}

func TestAuditLogOfManyWriters(t *testing.T) {
	t.Parallel()
	l := newAuditLog(t, auditKey)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() { l.record(10) })
	}
	group.Wait()
	l.want()
	info, err := l.stream.Info(t.Context())
	check(t, err)
	if info.State.Msgs != 40 {
		t.Errorf("got %d entries, want 40", info.State.Msgs)
	}
}
