package telemetry

import (
	"context"
	"sync"
	"time"

	"github.com/rs/zerolog"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// exporter sends spans, and logs those that are lost, now and then: left to the
// library, each failure would be a line on standard error.
type exporter struct {
	sdktrace.SpanExporter
	log zerolog.Logger

	mu    sync.Mutex
	spans int       // lost since the last line
	last  time.Time // when it was written
}

// ExportSpans sends spans. It returns no error: a loss is told here.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if err := e.SpanExporter.ExportSpans(ctx, spans); err != nil {
		e.lost(len(spans), err)
	}
	return nil
}

// lost counts spans that are lost, and says so at most once a minute.
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
