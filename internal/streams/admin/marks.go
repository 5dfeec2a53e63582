package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// The mark of a stream in the metadata: the owner, the instance (nats.prefix) and the kind.
const (
	markOwner    = "owner"
	markInstance = "usher.instance"
	markKind     = "usher.kind"
	owner        = "usher"
)

// marked returns the configurations with the mark of an instance.
func marked(list []jetstream.StreamConfig, instance string) []jetstream.StreamConfig {
	for i, c := range list {
		list[i].Metadata = map[string]string{markOwner: owner, markInstance: instance, markKind: kindOf(c, instance)}
	}
	return list
}

// kindOf returns the kind of a stream: the name without KV_ and without the prefix, in lower case.
func kindOf(c jetstream.StreamConfig, instance string) string {
	name := strings.ToLower(strings.TrimPrefix(c.Name, "KV_"))
	if instance != "" {
		name = strings.TrimPrefix(name, instance+"_")
	}
	return name
}

// isMarked reports whether a stream carries the mark of any Usher.
func isMarked(c jetstream.StreamConfig) bool { return c.Metadata[markKind] != "" }

// markOf returns the mark in words.
func markOf(c jetstream.StreamConfig) string {
	if !isMarked(c) {
		return "none"
	}
	return fmt.Sprintf("%s of %s, nats.prefix %q", c.Metadata[markKind], c.Metadata[markOwner], c.Metadata[markInstance])
}

// withMark returns the metadata of a stream with the mark of the wanted stream.
func withMark(have, want map[string]string) map[string]string {
	all := maps.Clone(have)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, want)
	return all
}

// foreign returns the reason why an existing stream is not of this Usher, or "". A stream
// without a mark is of a former version if the subjects are; the subjects of a bucket prove
// nothing, so former reports whether other streams show a former version.
func foreign(want, have jetstream.StreamConfig, former bool) string {
	unknown := slices.ContainsFunc(have.Subjects, func(s string) bool { return !akin(want.Subjects, s) })
	switch {
	case isMarked(have) && markOf(have) != markOf(want):
		return "its mark says " + markOf(have)
	case isMarked(have):
		return ""
	case unknown, len(have.Subjects) == 0:
		return "it has no mark of Usher, and its subjects are " + cmp.Or(strings.Join(have.Subjects, ", "), "none")
	case strings.HasPrefix(want.Name, "KV_") && !former:
		return "it has no mark of Usher, and no stream shows that an earlier Usher made it"
	default:
		return ""
	}
}

// akin reports whether a subject begins like a subject of the list: a former version, or a
// person, may have made the subjects of a stream narrower or wider.
func akin(subjects []string, s string) bool {
	first, _, _ := strings.Cut(s, ".")
	return slices.ContainsFunc(subjects, func(own string) bool { return strings.HasPrefix(own, first+".") || own == s })
}

// foreignError is the error of a name in use by somebody else.
func foreignError(name, reason string) error {
	return setupError{fmt.Errorf("stream %s is not of this Usher: %s; it stays as it is. Set nats.prefix (USHER_NATS_PREFIX) to a name of your own; "+
		"if an earlier Usher made it, run: usher nats apply --adopt", name, reason)}
}

// existing holds the present streams among the wanted streams, by name.
type existing map[string]jetstream.StreamConfig

// existing reads the streams of the layout, and those given.
func (a *Admin) existing(ctx context.Context, wanted []jetstream.StreamConfig) (existing, error) {
	found := existing{}
	for _, want := range wanted {
		have, err := config(ctx, a.client.Of(want.Name), want.Name)
		switch {
		case err == nil:
			found[want.Name] = have
		case !errors.Is(err, jetstream.ErrStreamNotFound):
			return nil, err
		}
	}
	return found, nil
}

// former reports whether the streams show an Usher before the marks: a stream without a mark, with
// subjects that only Usher has. A stream with a mark says nothing of buckets without one.
func (f existing) former(wanted []jetstream.StreamConfig) bool {
	return slices.ContainsFunc(wanted, func(want jetstream.StreamConfig) bool {
		have, found := f[want.Name]
		return found && !isMarked(have) && !strings.HasPrefix(want.Name, "KV_") && strings.Contains(strings.Join(want.Subjects, " "), "usher.") && foreign(want, have, false) == ""
	})
}

// CheckOwners returns an error for a stream or a bucket of the layout or of the workers that
// somebody else has, or whose shape loses data that Usher needs. Nothing is changed.
func (a *Admin) CheckOwners(ctx context.Context) error {
	wanted := a.all()
	found, err := a.existing(ctx, wanted)
	if err != nil {
		return Explain(err)
	}
	former := found.former(wanted)
	for _, want := range wanted {
		have, ok := found[want.Name]
		if !ok {
			continue
		}
		if reason := foreign(want, have, former); reason != "" {
			return foreignError(want.Name, reason)
		}
		if err := checkShape(want, have); err != nil {
			return setupError{err}
		}
	}
	return nil
}

// all returns the streams of the layout and of the workers.
func (a *Admin) all() []jetstream.StreamConfig {
	return append(a.layout.configs(), a.layout.Workers().Streams()...)
}
