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
	mostDeeds = 1000      // dead letters at a time
	onItsWay  = time.Hour // a replay is not sent again before, as with usher dead replay
)

// What is done about dead letters.
const (
	deedPreview = "preview"
	deedReplay  = "replay"
	deedDrop    = "drop"
	deedReveal  = "reveal"
)

// done is what came of one dead letter.
type done struct {
	letter
	Said string
	OK   bool
}

// deedsPage is what came of many.
type deedsPage struct {
	Deed   string
	List   []done
	Failed int // that nothing was done about
	Left   int // that fit, and were too many for once
	Filter deadFilter
}

// deadDeed does something about the dead letters that were chosen.
func (c *Console) deadDeed(ctx context.Context, v *visit) (answer, error) {
	deed := v.PostFormValue("deed")
	p := deedsPage{Deed: deed, Filter: readDeadFilter(v.Request)}
	by := ops.Deed{Who: v.who.Name, Why: oneLine(v.PostFormValue("reason_" + deed))}
	if deed == deedDrop && by.Why == "" {
		return answer{}, errNoReason
	}
	list, err := chosen(ctx, v, p.Filter)
	if err != nil {
		return answer{}, err
	}
	if len(list) > mostDeeds {
		list, p.Left = list[:mostDeeds], len(list)-mostDeeds
	}
	switch deed {
	case deedPreview:
		p.List, err = previews(ctx, v.desk, list)
	case deedReplay, deedDrop:
		for _, l := range list {
			p.List = append(p.List, c.deedOn(ctx, v, l, deed, by))
		}
	default:
		return answer{}, &refusal{http.StatusBadRequest, "No such deed", "Nothing was done."}
	}
	for _, one := range p.List {
		if !one.OK {
			p.Failed++
		}
	}
	return answer{page: "deeds", title: deedTitles[deed], data: p}, err
}

var deedTitles = map[string]string{deedPreview: "Dry run", deedReplay: "Sent back", deedDrop: "Dropped"}

var errNoReason = &refusal{http.StatusUnprocessableEntity, "Why?", "Nothing was done: to drop a dead letter, say why. It is kept in the audit."}

// chosen is the dead letters that a form names: one by one, or all that fit.
func chosen(ctx context.Context, v *visit, f deadFilter) ([]streams.DeadLetter, error) {
	refs := v.PostForm["letter"]
	all := v.PostFormValue("all") != ""
	if len(refs) == 0 && !all {
		return nil, &refusal{http.StatusUnprocessableEntity, "None was chosen", "Nothing was done: choose dead letters by their boxes, or all that fit."}
	}
	return v.desk.DeadLetters(ctx, func(l streams.DeadLetter) bool {
		if all {
			return f.fits(v.desk, l)
		}
		return slices.Contains(refs, letter{DeadLetter: l}.Ref())
	})
}

// previews returns the consequences that replays of dead letters would have.
func previews(ctx context.Context, d *ops.Desk, list []streams.DeadLetter) ([]done, error) {
	seen, err := d.PreviewReplays(ctx, list)
	if err != nil {
		return nil, err
	}
	var out []done
	for i, l := range list {
		out = append(out, done{letter{l, d.DeadState(l)}, mask(seen[i].String()), true})
	}
	return out, nil
}

// deedOn replays or drops one dead letter, and says what came of that.
func (c *Console) deedOn(ctx context.Context, v *visit, l streams.DeadLetter, deed string, by ops.Deed) done {
	one := done{letter: letter{l, v.desk.DeadState(l)}}
	err := c.deedFor(ctx, v, l, deed, by)
	switch {
	case err != nil:
		one.Said = mask(err.Error())
	case deed == deedReplay:
		one.Said, one.OK = "is on its way", true
	default:
		one.Said, one.OK = "was dropped", true
	}
	return one
}

func (c *Console) deedFor(ctx context.Context, v *visit, l streams.DeadLetter, deed string, by ops.Deed) error {
	var err error
	switch {
	case deed == deedDrop:
		err = v.desk.Drop(ctx, l, by)
	case v.PostFormValue("anyway") != "":
		err = v.desk.Replay(ctx, l, by)
	default:
		if err = notAgain(v.desk, l); err == nil {
			err = v.desk.Replay(ctx, l, by)
		}
	}
	c.deps.Log.Info().Str("who", v.who.Name).Str("deed", deed).Str("dead_letter", l.ID()).AnErr("refused", err).Msg("console")
	if errors.Is(err, streams.ErrConflict) {
		return errors.New("nothing was done: it has changed since it was read; load the list again")
	}
	return err
}

// notAgain says why a dead letter is not sent back just so; nil where it may be.
func notAgain(d *ops.Desk, l streams.DeadLetter) error {
	if d.Refusal(l, onItsWay, false) == nil {
		return nil
	}
	if d.DeadState(l) == ops.DeadReplaying {
		return fmt.Errorf("nothing was done: it is on its way since %s; wait for what comes of it", clock(l.ReplayedAt))
	}
	return fmt.Errorf("nothing was done: it was sent back %d times and failed each time; mend the cause, and send it from its own page", l.Replay)
}
