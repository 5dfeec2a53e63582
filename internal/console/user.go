package console

import (
	"context"
	"slices"
	"strings"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ops"
)

// told is one event of a story, with what it came to at each vendor.
type told struct {
	ops.StoryEvent                  // what all have in common
	At             []ops.StoryEvent // by vendor
}

// userPage is one user's story.
type userPage struct {
	ops.Story
	Asked  bool // for a user
	Events []told
	Watch  string // the id of an event that is to come
	Live   bool   // something is to come yet
}

// user tells the story of a user, and where none is named asks of whom.
func (c *Console) user(ctx context.Context, v *visit) (answer, error) {
	p := userPage{Watch: v.FormValue("watch")}
	id := strings.TrimSpace(v.FormValue("id"))
	if id == "" {
		return answer{page: "user", title: "Users", data: p}, nil
	}
	story, err := v.desk.Story(ctx, id)
	if err != nil {
		return answer{}, err
	}
	p.Asked, p.Story, p.Live = true, story, p.Watch != ""
	for _, e := range story.Events {
		if n := len(p.Events); n > 0 && p.Events[n-1].Key == e.Key && p.Events[n-1].Type == e.Type {
			p.Events[n-1].At = append(p.Events[n-1].At, e)
		} else {
			p.Events = append(p.Events, told{e, []ops.StoryEvent{e}})
		}
		p.Live = p.Live || e.Ended == nil
	}
	slices.Reverse(p.Events)
	return answer{page: "user", title: "Users", data: p}, nil
}

// Coming tells whether the event that is to come has not been taken up yet.
func (p userPage) Coming() bool {
	for _, e := range p.Events {
		if e.EventID == p.Watch {
			return false
		}
	}
	return p.Watch != ""
}

// Unfinished is how many effects are to come to an end yet.
func (p userPage) Unfinished() (n int) {
	for _, e := range p.Story.Events {
		if e.Ended == nil {
			n++
		}
	}
	return n
}

// stateKind is how the state of an effect looks.
func stateKind(state string) string {
	switch state {
	case events.Done, events.AlreadyDone:
		return kindDone
	case events.Superseded, events.Unsupported:
		return kindSkipped
	case events.Failed:
		return kindFailed
	default:
		return "waiting"
	}
}
