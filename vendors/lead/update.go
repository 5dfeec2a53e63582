package lead

import (
	"cmp"
	"context"

	"github.com/usherhq/usher/vendors"
)

// Update sets what u has, where the configuration allows it, if the user is a
// learner: LEAD requires a password, so that every update sets another, random one.
// It requires the other fields, too: what u has not is sent as LEAD has it.
func (a *Adapter) Update(ctx context.Context, _ vendors.Origin, target vendors.Account, u vendors.User) error {
	if !a.updates {
		return vendors.Fail(vendor, "update user",
			"LEAD takes no update without a new password, which locks the user out until they reset it; set USHER_LEAD_UPDATE to reset_password where that is wanted")
	}
	known, err := a.learnerOf(ctx, "update", target)
	if err != nil {
		return err
	}
	got, err := a.api.UpdateUser(ctx, int(known.ID), changed(known, u))
	switch {
	case vendors.IsGone(err):
		return vendors.ErrNotFound
	case err != nil:
		return err
	case got.ID != known.ID:
		return &vendors.Error{Vendor: vendor, Op: "update user", Message: "the answer is not the user that was asked for"}
	}
	return nil
}

// changed is what LEAD is told of a learner: all that it shows and takes, with what
// u says in its place. Places, address and metas it does not show before an update,
// so that they are not sent.
func changed(known User, u vendors.User) Fields {
	academy, sms, quiet := bool(known.EnrolledInAcademy), bool(known.SMSOptIn), bool(known.DisableNotifications)
	f := Fields{
		Email: cmp.Or(vendors.NormalEmail(u.Email), known.Email), Password: vendors.NewPassword(), Role: RoleLearner,
		Salutation: known.Salutation, Suffix: known.Suffix,
		FirstName: cmp.Or(u.FirstName, known.FirstName, "-"), LastName: cmp.Or(u.LastName, known.LastName, "-"),
		StackablePersonID: int(known.StackablePersonID), VirtusID: int(known.VirtusID), StripeCustomerID: known.StripeCustomerID,
		Phone: cmp.Or(u.Phone, known.Phone), Language: cmp.Or(known.Language, LanguageEnglish), TimeZone: cmp.Or(zone(u.TimeZone), known.TimeZone, "UTC"),
		EnrolledInAcademy: &academy, SMSOptIn: &sms, DisableNotifications: &quiet, ProfilePicture: known.ProfilePicture,
	}
	if u.Locale != "" {
		f.Language = language(u.Locale)
	}
	return f
}
