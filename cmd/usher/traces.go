package main

import (
	"github.com/rs/zerolog"

	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/telemetry"
)

// newTraces returns what sends the traces of this process; nil where they are off.
func newTraces(c config.Traces, log zerolog.Logger) (*telemetry.Traces, error) {
	sent, _ := c.Sent() // which Load has checked
	traces, err := telemetry.NewTraces(telemetry.TracesConfig{
		Endpoint: c.Endpoint, Headers: sent, Ratio: c.Ratio, Version: version(), Log: log,
	})
	if traces != nil {
		log.Info().Str("endpoint", c.Endpoint).Float64("ratio", c.Ratio).Msg("sending traces")
	}
	return traces, err
}
