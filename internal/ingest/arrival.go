package ingest

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ingest/mapping"
)

// arrival holds the events of a request whose sender has proved the right to store events.
type arrival struct {
	begun    time.Time
	sender   string // for the metrics
	channel  events.Channel
	events   []events.Event
	index    []int // in the request, for each event; nil: the same
	warnings []warning
	refusal  *problem // the answer after the events are stored, instead of 202
}

// place returns the position of an event in the request.
func (a arrival) place(i int) int {
	if a.index == nil {
		return i
	}
	return a.index[i]
}

// translate replaces the CloudEvents of other systems by the events of their mappings.
func (p *endpoint) translate(list []events.Event) (a arrival, faults []fault) {
	a.events = list
	if len(p.config.Foreign) == 0 {
		return a, nil
	}
	a.events = make([]events.Event, 0, len(list))
	left := uint64(mapping.MaxCost)
	for i, e := range list {
		outcomes, taken, err := mapping.Translate(p.config.Foreign, e, &left)
		switch {
		case !taken:
			outcomes = []mapping.Outcome{{Event: e}}
		case err != nil:
			outcomes = []mapping.Outcome{{Err: err}}
		case len(outcomes) == 0:
			a.warnings = append(a.warnings, warning{Index: i, ID: e.ID(), Detail: "ignored: the types in the mapping of this CloudEvent do not have its type"})
		}
		for _, o := range outcomes {
			if o.Err != nil {
				faults = append(faults, mappingFault(i, e.ID(), o.Err))
				continue
			}
			a.events, a.index = append(a.events, o.Event), append(a.index, i)
		}
	}
	if len(a.events) > events.MaxBatch {
		tooMany := &events.InvalidError{Rule: events.RuleBatchSize, Detail: "the CloudEvents become more than " + strconv.Itoa(events.MaxBatch) + " events: send smaller batches"}
		faults = []fault{faultOf(0, "", tooMany, http.StatusRequestEntityTooLarge)}
	}
	return a, faults
}

// mappingFault returns the fault of an event that the mapping cannot make, or that breaks its
// schema.
func mappingFault(index int, id string, err error) fault {
	invalid, ok := errors.AsType[*events.InvalidError](err)
	if !ok {
		invalid = &events.InvalidError{Rule: mapping.RuleMapping, Detail: err.Error()}
	}
	return faultOf(index, id, invalid, http.StatusUnprocessableEntity)
}
