package ledger

import (
	"crypto/sha256"
	"encoding/hex"
)

// AccountKey is where the record of a user at a vendor is kept. The user's id is
// in it as a digest: it may hold what no key can, or an address.
func AccountKey(vendor, userID string) string {
	sum := sha256.Sum256([]byte(userID))
	return vendor + "." + hex.EncodeToString(sum[:16])
}

// EffectKey is where the record of an activity event at a vendor is kept.
func EffectKey(vendor, eventKey string) string { return vendor + "." + eventKey }
