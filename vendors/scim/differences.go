package scim

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/usherhq/usher/vendors"
)

// overlay returns the attributes with the operations laid over: a PUT drops everything that is left
// out. Attributes that only the server writes are left out.
func overlay(raw map[string]json.RawMessage, operations []Operation) (map[string]json.RawMessage, error) {
	out := map[string]json.RawMessage{}
	for name, value := range raw {
		if !strings.EqualFold(name, "meta") && !strings.EqualFold(name, "groups") {
			out[name] = value
		}
	}
	for _, o := range operations {
		if err := set(out, o.Path, o.Value); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// set sets an attribute, or an attribute within another: name.givenName.
func set(attributes map[string]json.RawMessage, path string, value any) error {
	name, below, nested := strings.Cut(path, ".")
	for known := range attributes {
		if strings.EqualFold(known, name) {
			name = known
		}
	}
	if nested {
		inner := map[string]json.RawMessage{}
		if len(attributes[name]) > 0 {
			if err := json.Unmarshal(attributes[name], &inner); err != nil {
				return err
			}
		}
		if err := set(inner, below, value); err != nil {
			return err
		}
		value = inner
	}
	text, err := json.Marshal(value)
	attributes[name] = text
	return err
}

// differences returns the operations that bring the user to u.
func differences(x User, u vendors.User) (out []Operation) {
	put := func(path, old, wanted string) {
		if wanted != "" && wanted != old {
			out = append(out, replace(path, wanted))
		}
	}
	email := vendors.NormalEmail(u.Email)
	if email != "" && !vendors.SameEmail(email, x.UserName) {
		out = append(out, replace("userName", email))
	}
	given, family := x.names()
	put("name.givenName", given, u.FirstName)
	put("name.familyName", family, u.LastName)
	old := strings.TrimSpace(given + " " + family)
	full := vendors.User{FirstName: cmp.Or(u.FirstName, given), LastName: cmp.Or(u.LastName, family)}.FullName()
	if x.DisplayName == "" || x.DisplayName == old {
		put("displayName", x.DisplayName, full)
	}
	if x.Name != nil && x.Name.Formatted != "" && x.Name.Formatted == old {
		put("name.formatted", old, full)
	}
	put("preferredLanguage", x.PreferredLanguage, u.Locale)
	put("locale", x.Locale, u.Locale)
	put("timezone", x.Timezone, u.TimeZone)
	if list, changed := with(x.Emails, email, vendors.SameEmail); changed {
		out = append(out, replace("emails", list))
	}
	if list, changed := with(x.PhoneNumbers, u.Phone, samePhone); changed {
		out = append(out, replace("phoneNumbers", list))
	}
	return out
}

// with returns the list with the value in the place of the primary element, and whether that is a
// change. Other elements stay: a list is replaced as a whole, because many servers do not change a
// single element.
func with(list []Value, value string, same func(a, b string) bool) ([]Value, bool) {
	if value == "" {
		return list, false
	}
	if len(list) == 0 {
		return []Value{{Value: value, Type: "work", Primary: true}}, true
	}
	at := primary(list)
	if same(list[at].Value, value) {
		return list, false
	}
	out := slices.Clone(list)
	out[at].Value, out[at].Display = value, ""
	return out, true
}

// samePhone reports whether two phone numbers have the same digits.
func samePhone(a, b string) bool { return digits(a) == digits(b) }

// digits returns the digits of a text.
func digits(text string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
}
