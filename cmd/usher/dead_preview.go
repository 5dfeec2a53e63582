package main

import (
	"context"
	"fmt"

	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// preview prints the consequence that the replay of each of list would have. It changes nothing.
func (r deadReplayCmd) preview(ctx context.Context, a *app, d *ops.Desk, list []streams.DeadLetter) error {
	found, err := d.PreviewReplays(ctx, list)
	if err != nil {
		return missing(err)
	}
	if r.JSON {
		return writeJSON(a.Stdout, found)
	}
	var rows [][]string
	for _, f := range found {
		rows = append(rows, []string{f.ID, f.Type, f.EventID, f.String()})
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(a.Stderr, "there is no dead letter that fits")
		return err
	}
	return a.print([]string{"ID", "type", "event", "it"}, rows)
}
