package streams

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// sentinel takes the place of a digest in the subject of a vendor's sentinel.
	sentinel = "sentinel"
	// keep takes the place of a digest in the subject of a timer that wakes nobody.
	keep = "keep"
	// sentinelYears is the due time of a sentinel, from the creation on.
	sentinelYears = 10
)

// Timers are delayed messages in TIMERS. At the due time the server removes the timer and
// stores a wake for the same vendor and digest.
type Timers struct {
	client Client
	names  Names
	stream jetstream.Stream
}

// Timer is a timer of a user at a vendor.
type Timer struct {
	Vendor string
	Digest string    // of the user, or of the user and an event with a dot between: one or two tokens of a subject
	Token  uint64    // the fencing token of the arming ownership
	Due    time.Time // in the server's time; a past time fires within 250 ms
}

// OpenTimers opens TIMERS.
func OpenTimers(ctx context.Context, c Client) (*Timers, error) {
	names := c.Names.WithDefaults()
	stream, err := c.stream(ctx, names.Timers)
	if err != nil {
		return nil, err
	}
	return &Timers{client: c, names: names, stream: stream}, nil
}

// Arm stores a timer. A timer of the same vendor, digest and token is replaced. Timers of
// other tokens have other subjects and stay, so that a former owner never replaces the timer
// of the owner: the timer of a former owner only wakes a user for nothing. A firing timer may
// remove a newer timer of the same subject, so arm again after each wake.
func (t *Timers) Arm(ctx context.Context, timer Timer) error {
	if timer.Digest == sentinel || timer.Digest == keep {
		return fmt.Errorf("arm timer: the digest %q is reserved", timer.Digest)
	}
	return t.arm(ctx, timer)
}

// Keep stores a timer that wakes nobody, in place of an earlier such timer. WaitingCounter
// counts the timer: an autoscaler by that counter keeps a process for the vendor meanwhile.
func (t *Timers) Keep(ctx context.Context, vendor string, due time.Time) error {
	return t.arm(ctx, Timer{Vendor: vendor, Digest: keep, Due: due})
}

func (t *Timers) arm(ctx context.Context, timer Timer) error {
	user, event, ofEvent := strings.Cut(timer.Digest, ".")
	if !ofEvent {
		event = user
	}
	for _, token := range []struct{ what, text string }{{"vendor", timer.Vendor}, {"digest", user}, {"digest", event}} {
		if err := checkToken(token.what, token.text); err != nil {
			return err
		}
	}
	wake := timer.Vendor + "." + timer.Digest
	m := t.scheduled(wake+"."+strconv.FormatUint(timer.Token, 10), wake, timer.Due)
	if _, err := t.client.Publish(ctx, t.names.Timers, m); err != nil {
		return fmt.Errorf("arm timer: %w", err)
	}
	return nil
}

// scheduled returns the message of a timer. The client library's option for the schedule
// would cut the due time to whole seconds.
func (t *Timers) scheduled(timer, wake string, due time.Time) *nats.Msg {
	m := nats.NewMsg(t.names.TimerSubject + "." + timer)
	m.Header.Set(jetstream.ScheduleHeader, "@at "+due.UTC().Format(time.RFC3339Nano))
	m.Header.Set(jetstream.ScheduleTargetHeader, t.names.WakeSubject+"."+wake)
	return m
}

// Sentinel returns the nonce of a vendor's sentinel, a timer due in ten years. A missing
// sentinel is stored with a new nonce. A nonce other than Ownership.Swept shows that TIMERS
// was purged or made anew: all timers must be armed again.
func (t *Timers) Sentinel(ctx context.Context, vendor string) (nonce string, err error) {
	if err := checkToken("vendor", vendor); err != nil {
		return "", err
	}
	name := vendor + "." + sentinel
	for {
		stored, err := t.client.last(ctx, t.stream, t.names.TimerSubject+"."+name)
		if err != nil {
			return "", fmt.Errorf("read sentinel of %s: %w", vendor, err)
		}
		if stored != nil {
			return string(stored.Data), nil
		}
		m := t.scheduled(name, name, time.Now().AddDate(sentinelYears, 0, 0))
		m.Data = []byte(rand.Text())
		_, err = t.client.Publish(ctx, t.names.Timers, m, jetstream.WithExpectLastSequencePerSubject(0))
		if err == nil {
			return string(m.Data), nil
		}
		if !errors.Is(err, ErrStaleRevision) {
			return "", fmt.Errorf("store sentinel of %s: %w", vendor, err)
		}
	}
}

// Armed returns the timers of a vendor as digest.token, sorted, without the sentinel. Armed
// lists every subject: use Armed in tests and for diagnosis only.
func (t *Timers) Armed(ctx context.Context, vendor string) ([]string, error) {
	armed, err := t.subjects(ctx, t.names.TimerSubject+"."+vendor+".")
	if err != nil {
		return nil, fmt.Errorf("list timers of %s: %w", vendor, err)
	}
	return armed, nil
}

// subjects returns the subjects with messages below a prefix, sorted, without the prefix and
// without the sentinel.
func (t *Timers) subjects(ctx context.Context, prefix string) (list []string, err error) {
	ctx, cancel := t.client.call(ctx)
	defer cancel()
	info, err := t.stream.Info(ctx, jetstream.WithSubjectFilter(prefix+">"))
	if err != nil {
		return nil, err
	}
	for _, subject := range slices.Sorted(maps.Keys(info.State.Subjects)) {
		if name := strings.TrimPrefix(subject, prefix); name != sentinel {
			list = append(list, name)
		}
	}
	return list, nil
}

// WaitingCounter returns a counter of the timers of a vendor, without the sentinel.
func (n Names) WaitingCounter(vendor, consumer string) CounterConfig {
	n = n.WithDefaults()
	return CounterConfig{Stream: n.Timers, Consumer: consumer, Subjects: []string{n.TimerSubject + "." + vendor + ".*.>"}}
}

// Digests returns the digests of the timers and wakes of a vendor, sorted, without timers that wake
// nobody. A timer may outlive the work of its user. Digests lists every subject.
func (t *Timers) Digests(ctx context.Context, vendor string) ([]string, error) {
	armed, err := t.Armed(ctx, vendor)
	if err != nil {
		return nil, err
	}
	woken, err := t.subjects(ctx, t.names.WakeSubject+"."+vendor+".")
	if err != nil {
		return nil, fmt.Errorf("list wakes of %s: %w", vendor, err)
	}
	for i, name := range armed {
		armed[i] = name[:strings.LastIndexByte(name, '.')] // without the token
	}
	list := slices.DeleteFunc(slices.Concat(armed, woken), func(digest string) bool { return digest == keep })
	slices.Sort(list)
	return slices.Compact(list), nil
}

// CountWakes returns the number of wakes of a vendor that are not acknowledged.
func (t *Timers) CountWakes(ctx context.Context, vendor string) (int, error) {
	return countSubjects(ctx, t.client, t.names.Timers, t.names.WakeSubject+"."+vendor+".>")
}

// CountEvents returns the number of timers and unacknowledged wakes of single events of a vendor.
func (t *Timers) CountEvents(ctx context.Context, vendor string) (int, error) {
	armed, err := countSubjects(ctx, t.client, t.names.Timers, t.names.TimerSubject+"."+vendor+".*.*.*")
	if err != nil {
		return 0, err
	}
	woken, err := countSubjects(ctx, t.client, t.names.Timers, t.names.WakeSubject+"."+vendor+".*.*")
	return armed + woken, err
}

// countSubjects returns the number of subjects with messages in a stream. The server counts the
// subjects, and answers without them: the request begins beyond the last subject.
func countSubjects(ctx context.Context, c Client, stream, filter string) (int, error) {
	ctx, cancel := c.call(ctx)
	defer cancel()
	request, err := json.Marshal(map[string]any{"subjects_filter": filter, "offset": math.MaxInt32})
	if err != nil {
		return 0, err
	}
	reply, err := c.JetStream.Conn().RequestWithContext(ctx, c.apiPrefix()+"STREAM.INFO."+stream, request)
	if err != nil {
		return 0, fmt.Errorf("count %s: %w", filter, err)
	}
	var answer struct {
		Error *jetstream.APIError `json:"error"`
		Total int                 `json:"total"`
	}
	if err := json.Unmarshal(reply.Data, &answer); err != nil {
		return 0, fmt.Errorf("count %s: %w", filter, err)
	}
	if answer.Error != nil {
		return 0, fmt.Errorf("count %s: %w", filter, answer.Error)
	}
	return answer.Total, nil
}
