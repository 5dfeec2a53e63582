package lead

import (
	"encoding/json"
	"net/url"
	"strconv"

	"github.com/usherhq/usher/vendors"
)

// The languages that LEAD accepts.
const (
	LanguageEnglish = "en-US"
	LanguageSpanish = "es-US"
)

// Fields are the parameters of CreateUser and UpdateUser. LEAD requires Email, Password, Role,
// FirstName, LastName, Language and TimeZone in both calls. Other empty or nil fields are not
// sent. A picture is sent by URL: a file (profile_picture_file) would need a multipart body,
// which PHP does not read on PUT.
type Fields struct {
	Email                string
	Password             vendors.Secret
	Role                 string // RoleAdmin, RoleGlobalLeader or RoleLearner
	Salutation           string
	FirstName            string
	LastName             string
	Suffix               string
	StackablePersonID    int
	VirtusID             int
	Phone                string
	Language             string // LanguageEnglish or LanguageSpanish
	TimeZone             string // an IANA name
	EnrolledInAcademy    *bool
	SMSOptIn             *bool
	DisableNotifications *bool
	StripeCustomerID     string
	ProfilePicture       string // a URL
	LearnerPlaceIDs      []int
	LocalLeaderPlaceIDs  []int
	Address              *Address
	Metas                []Meta
}

// Address is a postal address.
type Address struct {
	Street1 string `json:"street_1,omitempty"`
	Street2 string `json:"street_2,omitempty"`
	City    string `json:"city,omitempty"`
	State   string `json:"state,omitempty"`
	Zip     string `json:"zip,omitempty"`
}

// form returns the fields as form data, as in LEAD's parameter lists, although the documented
// headers say JSON. Lists and booleans follow Laravel: name[]=1, and 1 or 0. Parameters typed
// JSON are JSON text.
func (f Fields) form() url.Values {
	form := url.Values{}
	for name, value := range map[string]string{
		"email": f.Email, "password": f.Password.Reveal(), "role": f.Role,
		"salutation": f.Salutation, "first_name": f.FirstName, "last_name": f.LastName, "suffix": f.Suffix,
		"stackable_person_id": whole(f.StackablePersonID), "virtus_id": whole(f.VirtusID),
		"phone": f.Phone, "language": f.Language, "time_zone": f.TimeZone,
		"enrolled_in_academy": flag(f.EnrolledInAcademy), "sms_opt_in": flag(f.SMSOptIn),
		"disable_notifications": flag(f.DisableNotifications),
		"stripe_customer_id":    f.StripeCustomerID, "profile_picture": f.ProfilePicture,
	} {
		if value != "" {
			form.Set(name, value)
		}
	}
	for name, ids := range map[string][]int{"learner_place_ids[]": f.LearnerPlaceIDs, "local_leader_place_ids[]": f.LocalLeaderPlaceIDs} {
		for _, id := range ids {
			form.Add(name, whole(id))
		}
	}
	if f.Address != nil {
		form.Set("address", jsonText(f.Address))
	}
	if len(f.Metas) > 0 {
		form.Set("user_metas", jsonText(f.Metas))
	}
	return form
}

func whole(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func flag(b *bool) string {
	switch {
	case b == nil:
		return ""
	case *b:
		return "1"
	default:
		return "0"
	}
}

// jsonText returns v as JSON. v contains only text, so encoding cannot fail.
func jsonText(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}
