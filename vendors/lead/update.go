package lead

import (
	"cmp"
	"context"

	"github.com/usherhq/usher/vendors"
)

// Update sets the data of a learner, if the configuration allows updates: LEAD requires a
// password, so every update sets a new, random password. Required fields that u lacks are sent
// with their present values.
func (a *Adapter) Update(ctx context.Context, _ vendors.Origin, target vendors.Account, u vendors.User) error {
	if !a.updates {
		return vendors.Fail(vendor, "update user",
			"LEAD takes no update without a new password, which locks the user out until a reset").WithRemedy("set USHER_LEAD_UPDATE to reset_password to allow that")
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
		return &vendors.Error{Vendor: vendor, Op: "update user", Unreadable: true, Message: "the response is not the requested user"}
	}
	return nil
}

// changed returns the fields of an update: all that LEAD shows and accepts, with the values of
// u in place. Places, address and metas are not sent, because LEAD shows them only after an
// update.
func changed(known User, u vendors.User) Fields {
	academy := bool(known.EnrolledInAcademy)
	sms := bool(known.SMSOptIn)
	quiet := bool(known.DisableNotifications)
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
