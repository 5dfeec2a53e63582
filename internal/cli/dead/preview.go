package dead

import (
	"context"
	"fmt"

	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/ops"
)

// preview prints the consequence that the replay of each of list would have. It changes nothing.
func (r replayCmd) preview(ctx context.Context, a *app.App, d *ops.Desk, list []bus.DeadLetter) error {
	found, err := d.PreviewReplays(ctx, list)
	if err != nil {
		return app.Advise(err)
	}
	if r.JSON {
		return output.JSON(a.Stdout, found)
	}
	var rows [][]string
	for _, f := range found {
		rows = append(rows, []string{f.ID, f.Type, f.EventID, f.String()})
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(a.Stderr, "there is no dead letter that fits")
		return err
	}
	return output.Rows(a.Stdout, []string{"ID", "type", "event", "it"}, rows)
}
