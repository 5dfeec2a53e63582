package console

import (
	"context"
	"strconv"
	"strings"

	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// replaysFollowed is the part of a page with the ends of sent replays. The part reloads while a replay is
// open. The form holds all state, and a session none.
type replaysFollowed struct {
	Open   []string // sentRefs of the replays that have not ended
	Done   int
	Failed []ops.FailedAt
	// Lost is the number of failed replays of earlier looks, without texts.
	Lost int
}

// Ended returns the number of failed replays.
func (f replaysFollowed) Ended() int { return f.Lost + len(f.Failed) }

// sentRef names a sent replay in a form.
func sentRef(d streams.DeadLetter) string {
	return strings.Join([]string{d.Vendor, d.Type, d.Key, strconv.Itoa(d.Replay)}, "/")
}

// sentOf returns the dead letter of a sentRef.
func sentOf(ref string) (d streams.DeadLetter, ok bool) {
	parts := strings.Split(ref, "/")
	if len(parts) != 4 || strings.ContainsAny(ref, "*> \t\r\n") {
		return d, false
	}
	n, err := strconv.Atoi(parts[3])
	return streams.DeadLetter{Vendor: parts[0], Type: parts[1], Key: parts[2], Replay: n}, err == nil
}

// followReplays looks at the replays of a form once.
func (c *Console) followReplays(ctx context.Context, v *visit) (answer, error) {
	var f replaysFollowed
	f.Done, _ = strconv.Atoi(v.PostFormValue("done"))
	f.Lost, _ = strconv.Atoi(v.PostFormValue("failed"))
	var sent []streams.DeadLetter
	for _, ref := range v.PostForm["sent"] {
		if d, ok := sentOf(ref); ok && len(sent) < maxActions {
			sent = append(sent, d)
		}
	}
	ended, open, err := v.service.ReplayEnds(ctx, sent)
	if err != nil {
		return answer{}, err
	}
	for _, d := range open {
		f.Open = append(f.Open, sentRef(d))
	}
	for _, e := range ended {
		if len(e.Failed) == 0 {
			f.Done++
		}
		f.Failed = append(f.Failed, e.Failed...)
	}
	return answer{page: "follow", data: f, bare: true}, nil
}
