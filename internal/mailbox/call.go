package mailbox

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/usherhq/usher/handlers"
)

// call is one attempt to carry out the plan of an event.
type call struct {
	event *Event
	known handlers.Known
	class Class
	begin time.Time // calls of the vendor may begin until then
	user  string    // for the gate
}

// do carries out the plan of an event, and reports the answer to the gate.
func (p *parts) do(ctx context.Context, c call) (handlers.Reply, error) {
	ctx, cancel := context.WithDeadline(p.deps.Gate.Attach(ctx, c.class), c.begin.Add(p.config.CallTimeout))
	defer cancel()
	reply, err := p.recovered(ctx, c)
	if !errors.Is(err, errReserve) {
		p.deps.Gate.Report(c.user, err)
	}
	return reply, err
}

// recovered calls the handler. A panic becomes an error.
func (p *parts) recovered(ctx context.Context, c call) (reply handlers.Reply, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			p.deps.Log.Error().Str("vendor", p.vendor.Name).Str("type", c.event.Type).Bytes("stack", debug.Stack()).Msg("a handler panicked")
			err = fmt.Errorf("%w (a %T)", errPanic, panicked)
		}
	}()
	return c.event.Plan.Do(ctx, c.known)
}
