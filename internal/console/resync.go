package console

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/usherhq/usher/internal/ops"
)

// actionResync sends the last known data of a user again.
const actionResync = "resync"

// resyncPage is the preview of a resync, or the events that were sent.
type resyncPage struct {
	UserID   string
	Previews []ops.EventPreview
	Sent     []ops.Resynced
}

// resync previews a resync of a user, or sends the events.
func (c *Console) resync(ctx context.Context, v *visit) (answer, error) {
	p := resyncPage{UserID: strings.TrimSpace(v.PostFormValue("user"))}
	var err error
	switch v.PostFormValue("do") {
	case actionPreview:
		p.Previews, err = v.service.PreviewResync(ctx, p.UserID, nil)
	case actionResync:
		p.Sent, err = v.service.Resync(ctx, p.UserID, nil, v.actor())
		c.deps.Log.Info().Str("who", v.who.Name).Str("action", actionResync).AnErr("refused", err).Msg("console")
	default:
		return answer{}, &refusal{http.StatusBadRequest, "No such action", "Nothing was done."}
	}
	if errors.Is(err, ops.ErrNobody) || errors.Is(err, ops.ErrDeleted) {
		return answer{}, &refusal{http.StatusUnprocessableEntity, "There is nothing to send", "Nothing was done: " + err.Error() + "."}
	}
	return answer{page: "resync", title: "Run again", data: p}, err
}
