package events_test

import (
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
)

func BenchmarkParse(b *testing.B) {
	in := []byte(full)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := events.Parse(in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFromNATSBinary(b *testing.B) {
	e := mustParse(b, full)
	h := header{
		"ce-specversion": {"1.0"}, "ce-id": {e.ID()}, "ce-source": {e.Source()}, "ce-type": {e.Type()}, "ce-subject": {e.Subject()},
		"ce-time": {"2026-03-01T09:30:00Z"}, "ce-datacontenttype": {"application/json"}, "ce-traceparent": {traceparent},
	}
	b.SetBytes(int64(len(e.Data())))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := events.FromNATS(h, e.Data()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkToNATS(b *testing.B) {
	e := mustParse(b, full)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := events.ToNATS(e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewResult(b *testing.B) {
	of := asked(b, full)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := events.NewResult(of); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkKey(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		events.Key("https://id.example.org/users", "8f14e45f-ceea-467f-a2f8-0c1e7c1d5b6a")
	}
}

// BenchmarkFromHTTP reads a batch of 100 events.
func BenchmarkFromHTTP(b *testing.B) {
	body := []byte("[" + strings.Repeat(full+",", 99) + full + "]")
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := events.FromHTTP(batched, body); err != nil {
			b.Fatal(err)
		}
	}
}
