package streams

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Presence announces a process of a vendor to the other processes of the vendor, by a message in
// LEASES for each process. The server removes the message after the TTL, so no clocks are compared.
type Presence struct {
	leases  *Leases
	subject string // of all processes, without the last token
	id      string
}

// Present counts the announced processes of a vendor.
type Present struct {
	Processes int // including the calling process
	Busy      int // processes with the state busy
}

const (
	presentBusy = "busy"
	presentIdle = "idle"
)

// Presence returns the presence of the calling process at a vendor, not announced yet.
func (l *Leases) Presence(vendor string) (*Presence, error) {
	if err := checkToken("vendor", vendor); err != nil {
		return nil, err
	}
	return &Presence{leases: l, subject: l.client.Names.WithDefaults().LeaseSubject + ".process." + vendor + ".", id: rand.Text()}, nil
}

// Announce announces the process for the TTL, and returns the counts afterwards. After an error,
// other processes may not know of the process.
func (p *Presence) Announce(ctx context.Context, busy bool) (Present, error) {
	state := presentIdle
	if busy {
		state = presentBusy
	}
	ctx, cancel := context.WithTimeout(ctx, min(p.leases.client.timeout(), p.leases.ttl/2))
	defer cancel()
	if _, err := p.publish(ctx, state, jetstream.WithMsgTTL(p.leases.ttl)); err != nil {
		return Present{}, fmt.Errorf("announce this process: %w", err)
	}
	return p.look(ctx)
}

// Leave removes the announcement of the process.
func (p *Presence) Leave(ctx context.Context) error {
	ctx, cancel := p.leases.client.call(ctx)
	defer cancel()
	_, err := p.publish(ctx, "", jetstream.WithMsgTTL(p.leases.ttl))
	return err
}

func (p *Presence) publish(ctx context.Context, state string, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	return p.leases.publish(ctx, &nats.Msg{Subject: p.subject + p.id, Data: []byte(state)}, opts...)
}

// look reads the announcements of all processes from the leader of the stream.
func (p *Presence) look(ctx context.Context) (found Present, err error) {
	info, err := p.leases.stream.Info(ctx, jetstream.WithSubjectFilter(p.subject+"*"))
	if err != nil {
		return found, fmt.Errorf("list processes: %w", err)
	}
	seen := false
	for subject := range info.State.Subjects {
		stored, err := p.leases.client.last(ctx, p.leases.stream, subject)
		if err != nil {
			return found, fmt.Errorf("read %s: %w", subject, err)
		}
		if stored == nil || isFree(stored.Data) {
			continue
		}
		found.Processes++
		if string(stored.Data) == presentBusy {
			found.Busy++
		}
		seen = seen || strings.HasSuffix(subject, "."+p.id)
	}
	if !seen {
		return Present{}, fmt.Errorf("list processes: %w: this process is missing", ErrLost)
	}
	return found, nil
}

// TTL is the life of an announcement.
func (p *Presence) TTL() time.Duration { return p.leases.ttl }
