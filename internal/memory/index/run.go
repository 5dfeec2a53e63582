package index

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math/bits"
	"runtime"
	"slices"
	"time"
)

// Run is a sorted, unchanging set of fingerprints of one span of time.
type Run struct {
	data        []byte   // the fingerprints, one behind the other
	block       block    // of data
	buckets     []uint32 // by the leading bits: the first fingerprint of each, and the count at the end
	shift       int      // of the leading bits
	First, Last time.Time
}

// perBucket is the mean number of fingerprints between two entries of buckets.
const perBucket = 32

// NewRun returns a run of fingerprints, which it sorts. Equal ones are kept once.
func NewRun(list []Fingerprint, first, last time.Time) *Run {
	slices.SortFunc(list, Fingerprint.Compare)
	list = slices.Compact(list)
	r := &Run{First: first, Last: last}
	r.data = r.allocate(len(list) * Size)
	for i := range list {
		copy(r.data[i*Size:], list[i][:])
	}
	return r.ready()
}

// Decode returns the run of encoded fingerprints.
func Decode(b []byte, first, last time.Time) (*Run, error) {
	if len(b)%Size != 0 {
		return nil, fmt.Errorf("%d bytes are no fingerprints of %d", len(b), Size)
	}
	for i := Size; i < len(b); i += Size {
		if bytes.Compare(b[i-Size:i], b[i:i+Size]) >= 0 {
			return nil, fmt.Errorf("the fingerprints are not sorted at byte %d", i)
		}
	}
	r := &Run{First: first, Last: last}
	r.data = r.allocate(len(b))
	copy(r.data, b)
	return r.ready(), nil
}

// ready fills the buckets.
func (r *Run) ready() *Run {
	r.shift = 32 - bits.Len(uint(r.Len()/perBucket))
	r.buckets = make([]uint32, 1<<(32-r.shift)+1)
	next := 0
	for i := range r.Len() {
		for b := r.bucket(r.at(i)); next <= b; next++ {
			r.buckets[next] = uint32(i)
		}
	}
	for ; next < len(r.buckets); next++ {
		r.buckets[next] = uint32(r.Len())
	}
	return r
}

// bucket returns the index of the bucket of a fingerprint.
func (r *Run) bucket(f Fingerprint) int { return int(uint64(f.leading()) >> r.shift) }

// Len returns the number of fingerprints.
func (r *Run) Len() int { return len(r.data) / Size }

// Bytes returns the memory in use.
func (r *Run) Bytes() int { return len(r.data) + 4*len(r.buckets) }

// Encode returns the fingerprints for Decode.
func (r *Run) Encode() []byte {
	b := slices.Clone(r.data)
	runtime.KeepAlive(r)
	return b
}

func (r *Run) at(i int) Fingerprint { return Fingerprint(r.data[i*Size : i*Size+Size]) }

// Has reports whether the run has a fingerprint.
func (r *Run) Has(f Fingerprint) bool {
	b := r.bucket(f)
	defer runtime.KeepAlive(r)
	low, high := int(r.buckets[b]), int(r.buckets[b+1])
	for low < high {
		switch middle := (low + high) / 2; bytes.Compare(r.data[middle*Size:middle*Size+Size], f[:]) {
		case 0:
			return true
		case -1:
			low = middle + 1
		default:
			high = middle
		}
	}
	return false
}

// merge returns one run of both.
func merge(a, b *Run) *Run {
	r := &Run{First: earlier(a.First, b.First), Last: later(a.Last, b.Last)}
	data := r.allocate(len(a.data) + len(b.data))
	x, y, n := a.data, b.data, 0
	for len(x) > 0 && len(y) > 0 {
		switch order := compare(x, y); {
		case order < 0:
			set(data[n:], x)
			x = x[Size:]
		case order > 0:
			set(data[n:], y)
			y = y[Size:]
		default:
			set(data[n:], x)
			x, y = x[Size:], y[Size:]
		}
		n += Size
	}
	n += copy(data[n:], x)
	n += copy(data[n:], y)
	r.data = data[:n]
	runtime.KeepAlive(a)
	runtime.KeepAlive(b)
	return r.ready()
}

// compare compares the first fingerprints of x and y.
func compare(x, y []byte) int {
	if order := cmp.Compare(binary.BigEndian.Uint64(x), binary.BigEndian.Uint64(y)); order != 0 {
		return order
	}
	return bytes.Compare(x[8:Size], y[8:Size])
}

// set copies the first fingerprint of from, in two words that overlap.
func set(to, from []byte) {
	binary.LittleEndian.PutUint64(to, binary.LittleEndian.Uint64(from))
	binary.LittleEndian.PutUint64(to[Size-8:], binary.LittleEndian.Uint64(from[Size-8:]))
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
