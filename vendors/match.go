package vendors

import (
	"fmt"
	"slices"
)

// The keys by which a vendor finds the account of a user.
const (
	KeyID    = "id"    // our user id, at a vendor that keeps the id with the account
	KeyEmail = "email" // the e-mail, ignoring case
)

// Only returns the only account of a look-up by a key, or ErrNotFound. Several accounts are a
// permanent error with the cause ErrAmbiguous, which names the number and the key. An account may be
// listed twice, since a list may move during the reading.
func Only(vendor, key string, hits []Account) (Account, error) {
	var found []Account
	for _, hit := range hits {
		if !slices.ContainsFunc(found, func(a Account) bool { return a.ID == hit.ID }) {
			found = append(found, hit)
		}
	}
	switch len(found) {
	case 0:
		return Account{}, ErrNotFound
	case 1:
		return found[0], nil
	}
	word := "e-mail"
	if key == KeyID {
		word = "user id"
	}
	e := Fail(vendor, "find", fmt.Sprintf("%d accounts have the %s of the user", len(found), word))
	e.Err = ErrAmbiguous
	return Account{}, e
}
