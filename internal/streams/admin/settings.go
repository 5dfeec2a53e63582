package admin

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/streams"
)

// setting is a compared setting.
type setting struct {
	name  string
	value any
	kind  settingKind
}

// settingKind is the kind of a comparison.
type settingKind int

const (
	changeable settingKind = iota
	fixed                  // the server cannot change the setting
	optional               // a zero value in the configuration leaves the choice to the server
)

func differences(of string, want, have []setting) (found []Difference) {
	for i, w := range want {
		if w.kind == optional && reflect.ValueOf(w.value).IsZero() {
			continue
		}
		if have, want := fmt.Sprint(have[i].value), fmt.Sprint(w.value); have != want {
			found = append(found, Difference{Of: of, Setting: w.name, Have: have, Want: want, Fixed: w.kind == fixed})
		}
	}
	return found
}

func streamSettings(c jetstream.StreamConfig) []setting {
	return []setting{
		{"subjects", sorted(c.Subjects), changeable},
		{"retention", c.Retention, fixed},
		{"storage", c.Storage, fixed},
		{"replicas", c.Replicas, changeable},
		{"discard", c.Discard, changeable},
		{"max_age", c.MaxAge, changeable},
		{"max_bytes", cmp.Or(c.MaxBytes, -1), changeable},
		{"max_msgs_per_subject", cmp.Or(c.MaxMsgsPerSubject, -1), changeable},
		{"mark", markOf(c), changeable},
		{"compression", c.Compression, optional},
		{"duplicate_window", c.Duplicates, optional},
		{"allow_direct", c.AllowDirect, changeable},
		{"allow_rollup_hdrs", c.AllowRollup, optional},
		{"allow_msg_schedules", c.AllowMsgSchedules, optional},
		{"allow_msg_ttl", c.AllowMsgTTL, optional},
		{"subject_delete_marker_ttl", c.SubjectDeleteMarkerTTL, optional},
	}
}

// adjusted returns have with the compared settings of want.
func adjusted(have, want jetstream.StreamConfig) jetstream.StreamConfig {
	have.Subjects = want.Subjects
	have.Metadata = withMark(have.Metadata, want.Metadata)
	have.Replicas = want.Replicas
	have.Discard = want.Discard
	have.AllowDirect = want.AllowDirect
	have.MaxAge = want.MaxAge
	have.MaxBytes = cmp.Or(want.MaxBytes, -1)
	have.MaxMsgsPerSubject = want.MaxMsgsPerSubject
	have.Duplicates = cmp.Or(want.Duplicates, have.Duplicates)
	have.Compression = cmp.Or(want.Compression, have.Compression)
	have.AllowRollup = have.AllowRollup || want.AllowRollup
	have.AllowMsgSchedules = have.AllowMsgSchedules || want.AllowMsgSchedules
	have.AllowMsgTTL = have.AllowMsgTTL || want.AllowMsgTTL
	have.SubjectDeleteMarkerTTL = cmp.Or(want.SubjectDeleteMarkerTTL, have.SubjectDeleteMarkerTTL)
	return have
}

func consumerSettings(c jetstream.ConsumerConfig) []setting {
	return []setting{
		{"subjects", sorted(streams.FilterSubjects(c)), changeable},
		{"ack_policy", c.AckPolicy, fixed},
		{"ack_wait", c.AckWait, optional},
		{"max_deliver", c.MaxDeliver, optional},
		{"max_ack_pending", c.MaxAckPending, optional},
		{"priority_policy", int(c.PriorityPolicy), fixed},
		{"max_expires", c.MaxRequestExpires, optional},
	}
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }
