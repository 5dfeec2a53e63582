package telemetry

import (
	"context"
	"sync"
	"time"

	"github.com/rs/zerolog"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// exporter exports spans and logs lost spans at most once a minute. The library would write a
// line to standard error for each failure.
type exporter struct {
	sdktrace.SpanExporter
	log zerolog.Logger

	mu    sync.Mutex
	spans int       // lost since the last log line
	last  time.Time // time of the last log line
}

// ExportSpans exports spans. Losses are logged, and no error is returned.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if err := e.SpanExporter.ExportSpans(ctx, spans); err != nil {
		e.lost(len(spans), err)
	}
	return nil
}

// lost counts lost spans, and logs at most once a minute.
func (e *exporter) lost(spans int, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.spans += spans
	if !e.last.IsZero() && time.Since(e.last) < lossEvery {
		return
	}
	e.log.Warn().Err(err).Int("spans", e.spans).Msg("traces: spans are lost; the work goes on")
	e.spans, e.last = 0, time.Now()
}
