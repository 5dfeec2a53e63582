package streams

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
)

// nearlyFull is the part of its limit, in tenths, at which a stream needs attention.
const nearlyFull = 8

// Usage is the extent of a stream or bucket, and its limit.
type Usage struct {
	Stream   string `json:"stream"` // without a prefix and without KV_
	Bytes    uint64 `json:"bytes"`
	MaxBytes int64  `json:"max_bytes"` // zero: no limit
}

// NearlyFull reports whether the stream holds four fifths of its limit or more.
func (u Usage) NearlyFull() bool {
	return u.MaxBytes > 0 && u.Bytes >= uint64(u.MaxBytes)/10*nearlyFull
}

// Usage returns the extents of all streams and buckets, with AUDIT on demand: a worker cannot read
// AUDIT in another account. Missing streams are left out.
func (s *Set) Usage(ctx context.Context, audit bool) ([]Usage, error) {
	names := s.names(audit)
	found := make([]*Usage, len(names))
	group, asking := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i, name := range names {
		group.Go(func() (err error) {
			found[i], err = s.usage(asking, name)
			return err
		})
	}
	err := group.Wait()
	var list []Usage
	for _, u := range found {
		if u != nil {
			list = append(list, *u)
		}
	}
	return list, err
}

// streamName is the name of a stream or bucket for people, and of the stream at the server.
type streamName struct{ shown, server string }

// names returns the names of all streams and buckets.
func (s *Set) names(audit bool) []streamName {
	n := s.Client.Names.WithDefaults()
	list := []streamName{
		{EventsStream, s.Events.name},
		{"TIMERS", n.Timers},
		{"LEASES", n.Leases},
		{"OWNERSHIP", "KV_" + n.Ownership},
		{"ACCOUNT_INDEX", "KV_" + n.Index},
	}
	for _, name := range []string{ResultsStream, ReplaysStream, DeadLettersStream, HistoryStream} {
		list = append(list, streamName{name, n.Stream(name)})
	}
	for _, bucket := range []string{AccountsBucket, EffectsBucket, ActivityBucket, ProfilesBucket, ControlBucket} {
		list = append(list, streamName{bucket, n.Stream("KV_" + bucket)})
	}
	if audit {
		list = append(list, streamName{AuditStream, n.Stream(AuditStream)})
	}
	return list
}

// usage returns the extent of one stream; nil if the stream is missing.
func (s *Set) usage(ctx context.Context, n streamName) (*Usage, error) {
	ctx, cancel := s.Client.call(ctx)
	defer cancel()
	stream, err := s.Client.Of(n.server).Stream(ctx, n.server)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", n.server, err)
	}
	i := stream.CachedInfo()
	return &Usage{Stream: n.shown, Bytes: i.State.Bytes, MaxBytes: max(0, i.Config.MaxBytes)}, nil
}
