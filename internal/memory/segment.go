package memory

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/memory/index"
	"github.com/usherhq/usher/internal/streams"
)

// name names a segment: the results of a vendor in a range of sequences of RESULTS. Equal names
// have equal contents, so that two owners never disagree.
type name struct {
	vendor   string
	epoch    int64
	from, to uint64
}

// segment is the fingerprints of a range of results.
type segment struct {
	name
	run *index.Run
}

const base = 36

// key returns the key of a part of the segment.
func (n name) key(part string) string {
	return fmt.Sprintf("%s.%s.%s-%s.%s", n.vendor, strconv.FormatInt(n.epoch, base), strconv.FormatUint(n.from, base), strconv.FormatUint(n.to, base), part)
}

// prints is the part of a segment with the fingerprints. It is stored last.
const prints = "f"

// places is the part of a segment with the places of the results of some users.
func places(shard int) string { return "u" + strconv.FormatInt(int64(shard), 16) }

// pattern returns the pattern of the keys of a part.
func pattern(vendor, part string) string { return vendor + ".*.*." + part }

// parseName reads the key of a part.
func parseName(key string) (n name, ok bool) {
	tokens := strings.Split(key, ".")
	if len(tokens) != 4 {
		return n, false
	}
	from, to, ok := strings.Cut(tokens[2], "-")
	var errs [3]error
	n.vendor = tokens[0]
	n.epoch, errs[0] = strconv.ParseInt(tokens[1], base, 64)
	n.from, errs[1] = strconv.ParseUint(from, base, 64)
	n.to, errs[2] = strconv.ParseUint(to, base, 64)
	return n, ok && errs == [3]error{} && n.from > 0 && n.from <= n.to
}

// version is the first byte of the fingerprints of a segment.
const version = 1

const headerSize = 1 + 8 + 8

// encode returns the value of the part with the fingerprints.
func (s *segment) encode() []byte {
	b := binary.BigEndian.AppendUint64([]byte{version}, uint64(s.run.First.UnixNano()))
	b = binary.BigEndian.AppendUint64(b, uint64(s.run.Last.UnixNano()))
	return append(b, s.run.Encode()...)
}

// decode reads the value of the part with the fingerprints.
func decode(n name, b []byte) (*segment, error) {
	if len(b) < headerSize || b[0] != version {
		return nil, fmt.Errorf("segment %s: not in version %d", n.key(prints), version)
	}
	at := func(i int) time.Time { return time.Unix(0, int64(binary.BigEndian.Uint64(b[i:]))) }
	run, err := index.Decode(b[headerSize:], at(1), at(9))
	if err != nil {
		return nil, fmt.Errorf("segment %s: %w", n.key(prints), err)
	}
	return &segment{n, run}, nil
}

// eachSegment calls yield with each readable segment of a vendor. An unreadable one is as one that
// was never stored.
func eachSegment(ctx context.Context, archive *streams.Records, vendor string, yield func(*segment)) error {
	for m, err := range archive.Messages(ctx, pattern(vendor, prints), streams.Query{}) {
		if err != nil {
			return err
		}
		n, ok := parseName(m.Subject)
		if !ok {
			continue
		}
		if s, err := decode(n, m.Data); err == nil {
			yield(s)
		}
	}
	return nil
}

// chainEnd returns the sequence up to which segments of an epoch follow each other without a gap;
// 0 without any.
func chainEnd(list []*segment, epoch int64) uint64 {
	var names []name
	for _, s := range list {
		if s.epoch == epoch {
			names = append(names, s.name)
		}
	}
	return endOf(names)
}

func endOf(names []name) (end uint64) {
	slices.SortFunc(names, func(a, b name) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	for i, n := range names {
		if i > 0 && n.from > end+1 {
			break
		}
		end = max(end, n.to)
	}
	return end
}

// spot is the place of a result of a user.
type spot struct {
	tag tag
	seq uint64
}

const spotSize = 8

// encodeSpots returns the value of a part with places: per place the tag, and the distance of the
// sequence from the beginning of the segment.
func encodeSpots(from uint64, list []spot) []byte {
	slices.SortFunc(list, func(a, b spot) int { return cmp.Or(cmp.Compare(a.tag, b.tag), cmp.Compare(a.seq, b.seq)) })
	b := make([]byte, 0, spotSize*len(list))
	for _, s := range list {
		b = binary.BigEndian.AppendUint32(b, uint32(s.tag))
		b = binary.BigEndian.AppendUint32(b, uint32(s.seq-from))
	}
	return b
}

// find returns the sequences of a tag in a value of places.
func find(from uint64, b []byte, t tag) (list []uint64) {
	n := len(b) / spotSize
	at := func(i int) tag { return tag(binary.BigEndian.Uint32(b[i*spotSize:])) }
	low, high := 0, n
	for low < high {
		if middle := (low + high) / 2; at(middle) < t {
			low = middle + 1
		} else {
			high = middle
		}
	}
	for i := low; i < n && at(i) == t; i++ {
		list = append(list, from+uint64(binary.BigEndian.Uint32(b[i*spotSize+4:])))
	}
	return list
}
