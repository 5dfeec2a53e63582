package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/usherhq/usher/internal/ops"
)

// maxHeldShown is the most held deletions on a page.
const maxHeldShown = 500

// deletionsPage is the data of the page of held deletions.
type deletionsPage struct {
	Vendor  string // only of this vendor; empty: of all
	User    string // only of this user; empty: of all
	Vendors []string
	Status  ops.Status
	Held    []ops.HeldDeletion
	Count   int
	Unread  string        // why the list is not complete
	For     time.Duration // of an approval
}

// Hold returns the hold that concerns the page; nil if there is none.
func (p deletionsPage) Hold() *ops.DeletionHold {
	for _, v := range p.Status.Vendors {
		if v.Deletions != nil && (p.Vendor == "" || p.Vendor == v.Vendor) {
			return v.Deletions
		}
	}
	return p.Status.Deletions
}

// Ends reports whether the page can end the hold: the page of one vendor leaves a hold of all vendors.
func (p deletionsPage) Ends() bool {
	hold := p.Hold()
	return hold != nil && (p.Vendor == "" || hold != p.Status.Deletions)
}

// deletions lists the held deletions.
func (c *Console) deletions(ctx context.Context, v *visit) (answer, error) {
	p := deletionsPage{Vendor: v.FormValue("vendor"), User: v.FormValue("user"), For: ops.DefaultApproval}
	if p.Vendor != "" && !isVendor(v.service, p.Vendor) {
		p.Vendor = ""
	}
	var err error
	if p.Status, err = v.service.Status(ctx); err != nil {
		return answer{}, err
	}
	held, err := v.service.HeldDeletions(ctx, p.Vendor)
	if err != nil && held == nil {
		return answer{}, err
	}
	if err != nil {
		p.Unread = mask(err.Error())
	}
	var used []string
	for _, h := range held {
		used = append(used, h.Vendor)
	}
	if p.User != "" {
		held = slices.DeleteFunc(held, func(h ops.HeldDeletion) bool { return h.UserID != p.User })
	}
	p.Vendors = vendorChoices(v.service, append(used, p.Vendor)...)
	p.Count, p.Held = len(held), held[:min(len(held), maxHeldShown)]
	return answer{page: "deletions", title: "Held deletions", data: p, notice: oneNotice(v, "done", deletionNotices)}, nil
}

// deletionNotices are the notices after an action.
var deletionNotices = map[string]string{
	"approved": "The deletions were approved: they go on, and none is held for an hour.",
	"one":      "The deletion of the user was approved, for an hour. The others stay on hold.",
	"dropped":  "The deletions were dropped: each becomes a dead letter of the class dropped.",
	"nothing":  "No deletion was held any more: nothing was changed.",
}

// oneNotice returns the notice named by a value of the URL.
func oneNotice(v *visit, name string, texts map[string]string) string {
	return texts[v.FormValue(name)]
}

// approve approves or drops the held deletions of a vendor, or of all.
func (c *Console) approve(ctx context.Context, v *visit) (answer, error) {
	o := ops.ApproveOptions{Vendor: v.PostFormValue("vendor"), User: v.PostFormValue("user")}
	by := v.actor()
	switch do := v.PostFormValue("do"); {
	case do == "approve":
	case do == "drop" && o.User == "":
		o.Drop = true
	default:
		return answer{}, &refusal{http.StatusBadRequest, "No such action", "Nothing was done."}
	}
	if o.Vendor != "" && !isVendor(v.service, o.Vendor) {
		return answer{}, &refusal{http.StatusNotFound, "No such vendor", "Nothing was done."}
	}
	if by.Why == "" {
		return answer{}, &refusal{http.StatusUnprocessableEntity, "Why?", "Nothing was done: say why the deletions are approved or dropped. It is kept in the audit."}
	}
	done, err := v.service.ApproveDeletions(ctx, o, by)
	c.deps.Log.Info().Str("who", v.who.Name).Str("action", v.PostFormValue("do")).Str("vendor", o.Vendor).AnErr("refused", err).Msg("console: held deletions")
	how := "approved"
	switch {
	case done.Nothing():
		how = "nothing"
	case o.Drop:
		how = "dropped"
	case o.User != "":
		how = "one"
	}
	return answer{to: root + "deletions?" + url.Values{"vendor": {o.Vendor}, "done": {how}}.Encode()}, err
}
