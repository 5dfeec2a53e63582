package streams

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// chainHeader links an entry of the audit log to the entry before: a MAC over the link of the
// entry before and over the entry, in hexadecimal digits. So a changed, a removed or a forged
// entry breaks the chain at a known place. Without the key of the MAC, an attacker with the
// rights of an operator could write the chain anew.
const chainHeader = "Usher-Chain"

// appendTries is the number of tries to append an entry, while other processes append entries.
const appendTries = 50

// append stores an entry behind the last entry of the log.
func (l *Audit) append(ctx context.Context, m *nats.Msg) error {
	for try := 1; ; try++ {
		before, seq, err := l.end(ctx)
		if err != nil {
			return err
		}
		m.Header.Set(chainHeader, l.link(before, m.Header, m.Data))
		_, err = l.client.Publish(ctx, AuditStream, m, jetstream.WithExpectLastSequence(seq), jetstream.WithExpectStream(AuditStream))
		if !errors.Is(err, ErrStaleRevision) || try == appendTries || ctx.Err() != nil {
			return err
		}
	}
}

// end returns the link of the last entry, and the last sequence of the stream. The link is
// empty without an entry at the sequence: a removed entry, or an entry of a former version.
func (l *Audit) end(ctx context.Context) (link string, seq uint64, err error) {
	extent, err := l.client.Extent(ctx, AuditStream)
	if err != nil || extent.Last == 0 {
		return "", 0, err
	}
	m, err := l.client.fromLeader(ctx, AuditStream, map[string]any{"seq": extent.Last})
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return "", extent.Last, nil
	case err != nil:
		return "", 0, fmt.Errorf("read the last entry of %s: %w", AuditStream, err)
	}
	return m.Header.Get(chainHeader), extent.Last, nil
}

// link returns the value of chainHeader for an entry behind another. Headers of the server do
// not count.
func (l *Audit) link(before string, header nats.Header, data []byte) string {
	mac := hmac.New(sha256.New, l.key)
	writePart(mac, before)
	for _, name := range slices.Sorted(maps.Keys(header)) {
		if name == chainHeader || strings.HasPrefix(name, "Nats-") {
			continue
		}
		writePart(mac, name)
		for _, value := range header[name] {
			writePart(mac, value)
		}
	}
	writePart(mac, string(data))
	return hex.EncodeToString(mac.Sum(nil))
}

// writePart adds a text with the length in front, so that no two lists of texts are alike.
func writePart(mac hash.Hash, text string) {
	var size [8]byte
	binary.BigEndian.PutUint64(size[:], uint64(len(text)))
	mac.Write(size[:])
	_, _ = io.WriteString(mac, text)
}

// AuditFault is a place at which the audit log is not as Usher wrote it.
type AuditFault struct {
	Seq     uint64 `json:"sequence"` // of the entry, or of the first removed entry
	Problem string `json:"problem"`
}

// AuditReport is the result of Audit.Verify.
type AuditReport struct {
	Entries  int          `json:"entries"`
	Unlinked int          `json:"entries_of_a_former_version"` // before the first link: not verified
	Faults   []AuditFault `json:"faults"`
}

// Verify compares each entry of the audit log with the links. The entry before the first stored
// entry has left the stream with its age, so the first link is verified only at sequence 1.
func (l *Audit) Verify(ctx context.Context) (AuditReport, error) {
	report := AuditReport{Faults: []AuditFault{}}
	extent, err := l.client.Extent(ctx, AuditStream)
	if err != nil {
		return report, err
	}
	check := verification{log: l, report: &report, next: extent.First, linked: extent.First == 1}
	for m, err := range l.client.Messages(ctx, AuditStream, Query{}) {
		if err != nil {
			return report, err
		}
		check.entry(m)
	}
	if check.next <= extent.Last {
		check.removed(extent.Last + 1)
	}
	return report, nil
}

// verification is the state of Verify between two entries.
type verification struct {
	log    *Audit
	report *AuditReport
	next   uint64 // the expected sequence
	before string // the link of the entry before
	linked bool   // the entry before is known
}

// entry verifies the next entry.
func (v *verification) entry(m Message) {
	if v.report.Entries > 0 && m.Position.Seq > v.next {
		v.removed(m.Position.Seq)
	}
	v.report.Entries++
	header := m.Header
	link := header.Get(chainHeader)
	switch {
	case link == "" && v.before == "":
		v.report.Unlinked++
	case link == "":
		v.fault(m.Position.Seq, "no link: the entry was not written by usher, or was changed")
	case v.linked && !hmac.Equal([]byte(link), []byte(v.log.link(v.before, header, m.Data))):
		v.fault(m.Position.Seq, "the link does not fit: the entry was changed or forged, or signed by another key")
	}
	v.next, v.before, v.linked = m.Position.Seq+1, link, true
}

// removed adds the fault of the missing entries before a sequence. The link of the next entry
// cannot be verified.
func (v *verification) removed(before uint64) {
	v.fault(v.next, fmt.Sprintf("%d entries were removed", before-v.next))
	v.linked = false
}

func (v *verification) fault(seq uint64, problem string) {
	v.report.Faults = append(v.report.Faults, AuditFault{Seq: seq, Problem: problem})
}
