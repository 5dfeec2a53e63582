package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/streams"
)

// Admin manages the streams, buckets and consumers of one Usher.
type Admin struct {
	client streams.Client
	layout Layout
}

// New returns an Admin for a layout. See Admin.Ensure for the creation of the streams.
func New(c streams.Client, l Layout) *Admin { return &Admin{client: c, layout: l} }

// Ensure creates missing streams and buckets, and changes no existing stream; see Check. The
// errors have advice; Permanent reports whether a retry is useless.
func (a *Admin) Ensure(ctx context.Context) error {
	err := a.ensure(ctx)
	for a.layout.Room.halve(err) {
		err = a.ensure(ctx)
	}
	if err == nil {
		_, err = a.readHighWater(ctx)
	}
	return Explain(err)
}

func (a *Admin) ensure(ctx context.Context) error {
	if err := a.reserve(ctx); err != nil {
		return err
	}
	for _, want := range a.layout.configs() {
		have, err := ensure(ctx, a.client.Of(want.Name), want)
		if err != nil {
			return err
		}
		if want.Name == a.layout.Names.Stream(streams.ResultsStream) {
			if err := a.layout.checkMemory(have); err != nil {
				return err
			}
		}
	}
	return a.checkEvents(ctx)
}

// EnsureEvents checks the stream of events alone, for a process that only stores events, and may
// read and make nothing else. Without the stream, EnsureEvents creates everything, as Ensure does.
func (a *Admin) EnsureEvents(ctx context.Context) error {
	err := a.checkEvents(ctx)
	if errors.Is(err, jetstream.ErrStreamNotFound) && a.layout.Own {
		return a.Ensure(ctx)
	}
	return Explain(err)
}

// checkEvents returns an error unless the stream of events has the subjects of all types, and is
// not of another Usher.
func (a *Admin) checkEvents(ctx context.Context) error {
	name := a.layout.Events
	have, err := config(ctx, a.client.JetStream, name)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound) && !a.layout.Own:
		return setupError{fmt.Errorf("%w; set nats.events_stream (USHER_NATS_EVENTS_STREAM) to the stream that holds the events", err)}
	case err != nil:
		return err
	}
	if a.layout.Own && isMarked(have) && have.Metadata[markInstance] != a.layout.Names.Prefix {
		return foreignError(name, "its mark says "+markOf(have))
	}
	copied := have.Mirror != nil || len(have.Sources) > 0 // has the subjects of other streams
	if missing := uncovered(a.layout.Names, have.Subjects); len(missing) > 0 && !copied {
		return setupError{fmt.Errorf("stream %s (nats.events_stream) does not hold the subjects %s: add them to it", name, strings.Join(missing, ", "))}
	}
	return nil
}

// checkMemory returns an error if an existing stream of results forgets activities too soon.
func (l Layout) checkMemory(results jetstream.StreamConfig) error {
	bounded := results.MaxMsgs > 0 || results.MaxBytes > 0
	switch {
	case results.MaxAge > 0 && results.MaxAge < l.Activity:
		return setupError{fmt.Errorf("stream %s keeps results for %s (max_age), less than activity.memory (%s): an older activity would be done twice; "+
			"usher nats apply sets nats.results_max_age, or lower activity.memory (USHER_ACTIVITY_MEMORY)", results.Name, results.MaxAge, l.Activity)}
	case results.MaxMsgsPerSubject > 0, results.Discard == jetstream.DiscardOld && bounded:
		return setupError{fmt.Errorf("stream %s removes old results at a limit, and their activities would be done twice; "+
			"run: nats stream edit %s --discard new --max-msgs-per-subject=-1", results.Name, results.Name)}
	}
	return nil
}

// ensure returns the configuration of a stream, and creates a missing stream.
func ensure(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig) (jetstream.StreamConfig, error) {
	have, err := config(ctx, js, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		have, err = create(ctx, js, want)
	}
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another process was faster
		have, err = config(ctx, js, want.Name)
	}
	return have, err
}

func create(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig) (jetstream.StreamConfig, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*streams.CallTimeout)
	defer cancel()
	stream, err := js.CreateStream(ctx, want)
	if err != nil {
		return jetstream.StreamConfig{}, fmt.Errorf("create stream %s: %w%s", want.Name, err, overlap(ctx, js, want, err))
	}
	return stream.CachedInfo().Config, nil
}

// overlap returns advice for a stream whose subjects belong to another stream.
func overlap(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig, err error) string {
	if api, ok := errors.AsType[*jetstream.APIError](err); !ok || api.ErrorCode != codeOverlap {
		return ""
	}
	name, err := js.StreamNameBySubject(ctx, want.Subjects[0])
	if err != nil {
		return ""
	}
	switch {
	case strings.HasSuffix(want.Name, streams.ReplaysStream):
		return fmt.Sprintf("; the stream %s of an older usher holds its subjects: usher serve and usher nats apply move its messages", name)
	case strings.HasSuffix(want.Name, streams.ResultsStream):
		return fmt.Sprintf("; the stream %s holds subjects of results: set nats.results_prefix (USHER_NATS_RESULTS_PREFIX) to subjects outside of the stream, such as results, or narrow it to %s", name, strings.Join(events.Types(), ", "))
	case strings.HasPrefix(want.Subjects[0], "$KV.") || strings.Contains(want.Subjects[0], "usher."):
		return fmt.Sprintf("; the stream %s holds its subjects: a stream of every subject leaves no room in its account, so name subjects such as user.>, or use another account for Usher", name)
	default:
		return fmt.Sprintf("; the stream %s holds its subjects: set nats.events_stream (USHER_NATS_EVENTS_STREAM) to it", name)
	}
}

// config returns the configuration of a stream.
func config(ctx context.Context, js jetstream.JetStream, name string) (jetstream.StreamConfig, error) {
	have, err := info(ctx, js, name)
	if err != nil {
		return jetstream.StreamConfig{}, err
	}
	return have.Config, nil
}

// info returns the configuration and the state of a stream.
func info(ctx context.Context, js jetstream.JetStream, name string) (*jetstream.StreamInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, streams.CallTimeout)
	defer cancel()
	stream, err := js.Stream(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", name, err)
	}
	return stream.CachedInfo(), nil
}

// uncovered returns the event types that no subject matches.
func uncovered(n streams.Names, subjects []string) []string {
	var missing []string
	for _, t := range events.Types() {
		if subject := n.Event(t); !covered(subjects, subject) {
			missing = append(missing, subject)
		}
	}
	return missing
}

// covered reports whether a filter matches a subject.
func covered(filters []string, subject string) bool {
	return slices.ContainsFunc(filters, func(f string) bool { return covers(f, subject) })
}

// covers reports whether the filter matches a subject.
func covers(filter, subject string) bool {
	f, s := strings.Split(filter, "."), strings.Split(subject, ".")
	for i, token := range f {
		switch {
		case token == ">":
			return i < len(s)
		case i >= len(s) || (token != "*" && token != s[i]):
			return false
		}
	}
	return len(f) == len(s)
}
