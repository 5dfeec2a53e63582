package streams

import (
	"context"
	"encoding/json"
	"iter"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
)

// Results is the stream of results.
type Results struct{ client Client }

// NewResults returns the stream of results. The stream may be created later.
func NewResults(c Client) *Results { return &Results{c} }

// Publish stores a result for a vendor, and returns after the server's acknowledgement.
func (r *Results) Publish(ctx context.Context, vendor string, e events.Event) error {
	_, err := r.client.publishEvent(ctx, ResultsStream, r.client.Names.Result(e.Type(), vendor), e)
	return err
}

// ResultsQuery selects results. The zero value selects all results of the stream.
type ResultsQuery struct {
	Vendors []string  // only results of these vendors
	Types   []string  // only results of these types
	Since   time.Time // only results stored at or after this time
	After   uint64    // only results after this sequence; not together with Since
	Follow  bool      // wait for further results at the end of the stream
}

// subjects returns the filter subjects.
func (q ResultsQuery) subjects(n Names) (subjects []string) {
	types, vendors := q.Types, q.Vendors
	if len(types) == 0 && len(vendors) == 0 {
		return nil
	}
	if len(types) == 0 {
		types = events.ResultTypes()
	}
	if len(vendors) == 0 {
		vendors = []string{"*"}
	}
	for _, t := range types {
		for _, vendor := range vendors {
			subjects = append(subjects, n.Result(t, vendor))
		}
	}
	return subjects
}

// Result is a stored result: the CloudEvent and the decoded data.
type Result struct {
	Event events.Event
	Data  events.Result
}

// List returns the selected results, the oldest first; see Client.Messages. Messages without a
// result are skipped.
func (r *Results) List(ctx context.Context, q ResultsQuery) iter.Seq2[Result, error] {
	return func(yield func(Result, error) bool) {
		query := Query{Subjects: q.subjects(r.client.Names), Since: q.Since, After: q.After, Follow: q.Follow}
		for m, err := range r.client.Messages(ctx, ResultsStream, query) {
			result, ok := ReadResult(m)
			if (ok || err != nil) && !yield(result, err) {
				return
			}
		}
	}
}

// Stored returns the selected results before decoding, the oldest first.
func (r *Results) Stored(ctx context.Context, q ResultsQuery) iter.Seq2[ResultHeader, error] {
	return func(yield func(ResultHeader, error) bool) {
		query := Query{Subjects: q.subjects(r.client.Names), Since: q.Since, After: q.After, Follow: q.Follow}
		for m, err := range r.client.Messages(ctx, ResultsStream, query) {
			h, ok := r.header(m)
			if (ok || err != nil) && !yield(h, err) {
				return
			}
		}
	}
}

// ReadResult decodes a result, and reports whether the message is a result.
func ReadResult(m Message) (r Result, ok bool) {
	e, err := events.FromNATS(m.Header, m.Data)
	if err != nil || json.Unmarshal(e.Data(), &r.Data) != nil {
		return r, false
	}
	r.Event = e
	return r, r.Data.Vendor != "" && r.Data.Outcome != ""
}

// ResultHeader is a stored result before decoding.
type ResultHeader struct {
	Position events.Position
	Type     string // of the result, such as user.provisioned
	Vendor   string
	At       time.Time // the storage time
	m        Message
}

// Read decodes the result, and reports whether the message is a result.
func (h ResultHeader) Read() (Result, bool) { return ReadResult(h.m) }

// header returns the header of a stored message, and reports whether the subject is one of a result.
func (r *Results) header(m Message) (ResultHeader, bool) {
	m.Subject = strings.TrimPrefix(m.Subject, under(r.client.Names.ResultPrefix, ""))
	at := strings.LastIndexByte(m.Subject, '.')
	if at < 0 {
		return ResultHeader{}, false
	}
	return ResultHeader{Position: m.Position, Type: m.Subject[:at], Vendor: m.Subject[at+1:], At: m.Stored, m: m}, true
}

// Extent returns the reach of the stream.
func (r *Results) Extent(ctx context.Context) (Extent, error) {
	return r.client.Extent(ctx, ResultsStream)
}

// Tail returns the results after a sequence, the oldest first, and then each further result until ctx
// ends. Only ResultHeader.Read decodes a result, so that counting costs little.
func (r *Results) Tail(ctx context.Context, after uint64) iter.Seq2[ResultHeader, error] {
	return r.Stored(ctx, ResultsQuery{After: after, Follow: true})
}

// ResultSpan selects results by time or by sequence.
type ResultSpan struct {
	Since time.Time // stored at or after this time; not together with After
	After uint64    // after this sequence
	End   uint64    // up to and with this sequence
}

// Headers returns the results of a span without their data, the oldest first.
func (r *Results) Headers(ctx context.Context, s ResultSpan) iter.Seq2[ResultHeader, error] {
	return func(yield func(ResultHeader, error) bool) {
		for m, err := range r.client.Messages(ctx, ResultsStream, Query{Since: s.Since, After: s.After, HeadersOnly: true}) {
			if err == nil && m.Position.Seq > s.End {
				return
			}
			h, ok := r.header(m)
			if (ok || err != nil) && !yield(h, err) {
				return
			}
		}
	}
}
