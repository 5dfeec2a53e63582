package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/engine"
	"github.com/usherhq/usher/internal/notify"
)

// notifyCmd holds the commands of usher notify.
type notifyCmd struct {
	Test notifyTestCmd `cmd:"" help:"Send a test message to the targets of notify.targets."`
}

// Help is shown below the flags.
func (notifyCmd) Help() string {
	return `usher serve sends a message about a hold, dead letters, held deletions, refused credentials, waiting events or a
full stream to each target in notify.targets: see docs/notifications.md.

Example:
  usher notify test on-call`
}

// notifyTestCmd is usher notify test.
type notifyTestCmd struct {
	Name       string `arg:"" optional:"" help:"The target; all by default."`
	app.Output `embed:""`
}

// Help is shown below the flags.
func (notifyTestCmd) Help() string {
	return `Sends one message of the type usher.test.firing, in the format and with the signature of the target, and prints the
answer. NATS is not needed. Exit code 0: every target accepted the message. 1: one did not.

Examples:
  usher notify test
  usher notify test on-call -o json`
}

// notifyResult is the outcome of a test message.
type notifyResult struct {
	Target string `json:"target"`
	OK     bool   `json:"ok"`
	Status int    `json:"status,omitempty"` // of the answer; 0: no answer
	Answer string `json:"answer,omitempty"`
	Error  string `json:"error,omitempty"`
}

// longestAnswer bounds an answer in the table, in characters.
const longestAnswer = 200

// Run sends the test messages.
func (k notifyTestCmd) Run(ctx context.Context, a *app.App) error {
	c, err := a.ConfigFor("notify")
	if err != nil {
		return err
	}
	all := engine.Notifications(c.Notify)
	targets := slices.DeleteFunc(slices.Clone(all.Targets), func(t notify.Target) bool { return k.Name != "" && t.Name != k.Name })
	switch {
	case len(all.Targets) == 0:
		return app.Usage(errors.New("notify.targets names no target: see docs/notifications.md"))
	case len(targets) == 0:
		return app.Usage(fmt.Errorf("%q is no target: want one of %s", k.Name, c.Notify.Targets))
	}
	var results []notifyResult
	outcome := error(nil)
	for _, t := range targets {
		r := notifyResult{Target: t.Name}
		answer, err := t.Once(ctx, notify.Test("msg_"+strings.ToLower(rand.Text()), time.Now()), all.Links)
		r.OK, r.Status, r.Answer = err == nil, answer.Status, answer.Text
		if err != nil {
			r.Error, outcome = err.Error(), app.ErrSilent
		}
		results = append(results, r)
	}
	return errors.Join(k.print(a, results), outcome)
}

func (k notifyTestCmd) print(a *app.App, results []notifyResult) error {
	if k.Data() {
		return k.Write(a, results)
	}
	var rows [][]string
	for _, r := range results {
		answer := []rune(output.Plain(strings.TrimSpace(r.Answer), ""))
		if len(answer) > longestAnswer {
			answer = append(answer[:longestAnswer], '…')
		}
		state := "accepted"
		if !r.OK {
			state = r.Error
		}
		status := ""
		if r.Status != 0 {
			status = fmt.Sprint(r.Status)
		}
		rows = append(rows, []string{r.Target, output.Plain(state, ""), status, string(answer)})
	}
	return k.Advice(a, []string{"target", "result", "status", "answer"}, rows)
}
