package admin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/streams"
)

// flaw is an unusable setting of an existing stream.
type flaw struct {
	found  bool
	reason string // the setting and the harm
	remedy string // a command, with %s for the name of the stream
}

const (
	remake = "delete stream %s, and it is created anew"
	edit   = "run: nats stream edit %s "
)

// checkShape returns an error if the existing stream cannot serve as the wanted stream.
func checkShape(want, have jetstream.StreamConfig) error {
	for _, f := range append(storageFlaws(want, have), recordFlaws(want, have)...) {
		if f.found {
			return fmt.Errorf("stream %s cannot be used: %s; "+f.remedy, want.Name, f.reason, want.Name)
		}
	}
	return nil
}

// storageFlaws returns the flaws that no stream of Usher may have.
func storageFlaws(want, have jetstream.StreamConfig) []flaw {
	missing := slices.DeleteFunc(slices.Clone(want.Subjects), func(s string) bool { return covered(have.Subjects, s) })
	bounded := have.MaxMsgs > 0 || have.MaxBytes > 0
	return []flaw{
		{have.Sealed, "it is sealed, and takes no messages", "move its messages elsewhere, and delete stream %s"},
		{have.Mirror != nil, "it is a mirror, and takes no messages of Usher", remake},
		{want.AllowRollup && len(missing) > 0, "its subjects lack " + strings.Join(missing, ", "), edit + "--subjects " + strings.Join(want.Subjects, ",")},
		{have.Storage != want.Storage, "it is in memory, which a restart of the server empties", remake + " with file storage"},
		{have.NoAck, "it acknowledges no message", edit + "--ack"},
		{have.Retention != want.Retention, fmt.Sprintf("its retention is %s instead of %s", have.Retention, want.Retention), remake},
		{want.Discard == jetstream.DiscardNew && have.Discard == jetstream.DiscardOld && bounded && !bounding(want), "at its limit it discards what is still needed", edit + "--discard new"},
	}
}

// bounding reports whether a person may have set limits with the discard policy of a former version:
// dead letters. usher nats apply changes the policy.
func bounding(want jetstream.StreamConfig) bool {
	return want.Metadata[markKind] == strings.ToLower(streams.DeadLettersStream)
}

// recordFlaws returns the flaws of a bucket of records, and of a stream of the workers.
func recordFlaws(want, have jetstream.StreamConfig) []flaw {
	records := want.AllowRollup
	return []flaw{
		{records && want.MaxAge == 0 && have.MaxAge > 0, fmt.Sprintf("its max_age of %s removes what is still needed", have.MaxAge), edit + "--max-age=-1"},
		{records && have.MaxMsgsPerSubject != 1, "it keeps more than one message for a subject", edit + "--max-msgs-per-subject 1"},
		{records && have.MaxMsgs > 0, "its limit on messages discards what is still needed, or refuses it", edit + "--max-msgs=-1"},
		{want.AllowMsgSchedules && !have.AllowMsgSchedules, "it has no message schedules", edit + "--allow-schedules"},
		{want.AllowMsgTTL && !have.AllowMsgTTL, "it has no TTL of messages, so that a lease never expires", edit + "--allow-msg-ttl"},
		{want.AllowMsgTTL && have.SubjectDeleteMarkerTTL == 0, "it has no markers for expired leases", edit + "--subject-del-markers-ttl 1m"},
		{records && !want.AllowDirect && have.AllowDirect && have.Replicas > 1, "allow_direct lets a follower answer with an old value", edit + "--no-allow-direct"},
	}
}
