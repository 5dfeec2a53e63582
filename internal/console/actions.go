package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

const (
	maxActions    = 1000      // on dead letters, in one request
	replayTimeout = time.Hour // until a replay may be repeated, as by usher dead replay
)

// Actions on dead letters.
const (
	actionPreview = "preview"
	actionReplay  = "replay"
	actionDrop    = "drop"
	actionReveal  = "reveal"
)

// done is the outcome for one dead letter.
type done struct {
	letter
	Text string
	OK   bool
}

// actionsPage is the outcome for many dead letters.
type actionsPage struct {
	Action string
	List   []done
	Failed int // without effect
	Left   int // matches beyond maxActions
	Filter deadFilter
	All    bool // all matches were chosen
	Follow replaysFollowed
}

// deadAction carries out an action on the chosen dead letters.
func (c *Console) deadAction(ctx context.Context, v *visit) (answer, error) {
	action := v.PostFormValue("do")
	p := actionsPage{Action: action, Filter: readDeadFilter(v.Request), All: v.PostFormValue("all") != ""}
	by := ops.Actor{Who: v.who.Name, Why: oneLine(v.PostFormValue("reason_" + action))}
	if action == actionDrop && by.Why == "" {
		return answer{}, errNoReason
	}
	list, err := chosen(ctx, v, p.Filter)
	if err != nil {
		return answer{}, err
	}
	if len(list) > maxActions {
		list, p.Left = list[:maxActions], len(list)-maxActions
	}
	switch action {
	case actionPreview:
		p.List, err = previews(ctx, v.service, list)
	case actionReplay, actionDrop:
		for _, l := range list {
			p.List = append(p.List, c.actOn(ctx, v, l, action, by))
		}
	default:
		return answer{}, &refusal{http.StatusBadRequest, "No such action", "Nothing was done."}
	}
	for _, d := range p.List {
		if !d.OK {
			p.Failed++
		} else if action == actionReplay {
			p.Follow.Open = append(p.Follow.Open, sentRef(d.DeadLetter))
		}
	}
	return answer{page: "actions", title: actionTitles[action], data: p}, err
}

var actionTitles = map[string]string{actionPreview: "Dry run", actionReplay: "Sent back", actionDrop: "Dropped"}

var errNoReason = &refusal{http.StatusUnprocessableEntity, "Why?", "Nothing was done: to drop a dead letter, say why. It is kept in the audit."}

// chosen returns the dead letters chosen in a form: single ones, or all matches.
func chosen(ctx context.Context, v *visit, f deadFilter) ([]streams.DeadLetter, error) {
	refs := v.PostForm["letter"]
	all := v.PostFormValue("all") != ""
	if len(refs) == 0 && !all {
		return nil, &refusal{http.StatusUnprocessableEntity, "None was chosen", "Nothing was done: choose dead letters by their boxes, or all that fit."}
	}
	if !all {
		f = deadFilter{}
	}
	found, err := v.service.Letters(ctx, f.DeadFilter)
	var list []streams.DeadLetter
	for _, l := range found {
		if all || slices.Contains(refs, letter{l}.Ref()) {
			list = append(list, l.DeadLetter)
		}
	}
	return list, err
}

// previews returns the outcomes of replays, without a replay.
func previews(ctx context.Context, s *ops.Service, list []streams.DeadLetter) ([]done, error) {
	seen, err := s.PreviewReplays(ctx, list)
	if err != nil {
		return nil, err
	}
	var out []done
	for i, l := range list {
		out = append(out, done{letter{s.Letter(l)}, mask(seen[i].String()), true})
	}
	return out, nil
}

// actOn replays or drops one dead letter, and returns the outcome.
func (c *Console) actOn(ctx context.Context, v *visit, l streams.DeadLetter, action string, by ops.Actor) done {
	d := done{letter: letter{v.service.Letter(l)}}
	err := c.carryOut(ctx, v, l, action, by)
	switch {
	case err != nil:
		d.Text = mask(err.Error())
	case action == actionReplay:
		d.Text, d.OK = "is on its way", true
	default:
		d.Text, d.OK = "was dropped", true
	}
	return d
}

// carryOut replays or drops one dead letter, and logs the action.
func (c *Console) carryOut(ctx context.Context, v *visit, l streams.DeadLetter, action string, by ops.Actor) error {
	var err error
	switch {
	case !v.who.May(mayReplay, l.Vendor):
		err = notMay(mayReplay, l.Vendor)
	case action == actionDrop:
		err = v.service.Drop(ctx, l, by)
	case v.PostFormValue("anyway") != "":
		err = v.service.Replay(ctx, l, by)
	default:
		if err = notAgain(v.service, l); err == nil {
			err = v.service.Replay(ctx, l, by)
		}
	}
	c.deps.Log.Info().Str("who", v.who.Name).Str("action", action).Str("dead_letter", l.ID()).AnErr("refused", err).Msg("console")
	if errors.Is(err, streams.ErrStaleRevision) {
		return errors.New("nothing was done: it has changed since it was read; load the list again")
	}
	return err
}

// notAgain returns the reason against a replay of a dead letter; nil if there is none.
func notAgain(s *ops.Service, l streams.DeadLetter) error {
	if s.Refusal(l, replayTimeout, false) == nil {
		return nil
	}
	if s.DeadState(l) == ops.DeadReplaying {
		return fmt.Errorf("nothing was done: it is on its way since %s; wait for its outcome", clock(l.ReplayedAt))
	}
	return fmt.Errorf("nothing was done: it was sent back %d times and failed each time; fix the cause, and send it from its own page", l.Replay)
}
