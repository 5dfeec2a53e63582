package httpapi

import (
	"bytes"
	"encoding/json"

	"github.com/usherhq/usher/internal/expression"
	"github.com/usherhq/usher/vendors"
)

// put sets a member unless the value is empty.
func put(m map[string]any, name, value string) {
	if value != "" {
		m[name] = value
	}
}

// userVar returns the variable user, with the members that the event has.
func userVar(u vendors.User) map[string]any {
	m := map[string]any{}
	put(m, "id", u.ID)
	put(m, "email", vendors.NormalEmail(u.Email))
	put(m, "name", u.Name())
	put(m, "full_name", u.FullName())
	put(m, "first_name", u.FirstName)
	put(m, "last_name", u.LastName)
	put(m, "locale", u.Locale)
	put(m, "time_zone", u.TimeZone)
	put(m, "phone", u.Phone)
	putJSON(m, "attributes", u.Attributes)
	return m
}

// putJSON sets a member to a JSON object, with exact numbers.
func putJSON(m map[string]any, name string, text json.RawMessage) {
	if len(text) == 0 {
		return
	}
	var value any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if d.Decode(&value) == nil {
		m[name] = expression.Numbers(value)
	}
}

func accountVars(a vendors.Account) map[string]any {
	account := map[string]any{"id": a.ID}
	put(account, "email", vendors.NormalEmail(a.Email))
	return map[string]any{"account": account}
}

func originVar(o vendors.Origin) map[string]any {
	return map[string]any{"key": o.Key, "at": o.At.UTC()}
}

func courseVar(c vendors.Course) map[string]any { return map[string]any{"id": c.ID, "ours": c.Ours} }

func removalVars(from vendors.Origin, a vendors.Account) map[string]any {
	vars := accountVars(a)
	vars["origin"], vars["read"] = originVar(from), nil
	return vars
}

func changeVars(from vendors.Origin, a vendors.Account, u vendors.User) map[string]any {
	vars := removalVars(from, a)
	vars["user"] = userVar(u)
	return vars
}

func enrollmentVars(x vendors.Enrollment) map[string]any {
	a := x.Account
	if a.Email == "" {
		a.Email = x.Email
	}
	vars := removalVars(x.Origin, a)
	user, enrollment := map[string]any{}, map[string]any{}
	put(user, "id", x.UserID)
	put(user, "email", vendors.NormalEmail(x.Email))
	put(enrollment, "starts_on", x.StartsOn)
	put(enrollment, "ends_on", x.EndsOn)
	vars["user"], vars["course"], vars["enrollment"] = user, courseVar(x.Course), enrollment
	return vars
}

func activityVars(act vendors.Activity) map[string]any {
	activity := map[string]any{"name": act.Name, "at": act.At.UTC()}
	putJSON(activity, "properties", act.Properties)
	return map[string]any{"user": map[string]any{"id": act.UserID}, "activity": activity, "origin": originVar(act.Origin), "read": nil}
}
