package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// AccountKey is where the record of a user at a vendor is kept. The user's id is
// in it as a digest: it may hold what no key can, or an address.
func AccountKey(vendor, userID string) string { return vendor + "." + digest(userID) }

// EffectKey is where the record of an activity event at a vendor is kept. It
// stands under the user's digest, so that what one user did is found by it.
func EffectKey(vendor, userID, eventKey string) string {
	return vendor + "." + digest(userID) + "." + eventKey
}

// EffectsOf is the pattern of all EffectKeys of a user.
func EffectsOf(userID string) string { return "*." + digest(userID) + ".*" }

// RecordsOf is the pattern of all AccountKeys of a user.
func RecordsOf(userID string) string { return "*." + digest(userID) }

// VendorOf is the vendor that a key names.
func VendorOf(key string) string {
	vendor, _, _ := strings.Cut(key, ".")
	return vendor
}

func digest(userID string) string {
	sum := sha256.Sum256([]byte(userID))
	return hex.EncodeToString(sum[:16])
}
