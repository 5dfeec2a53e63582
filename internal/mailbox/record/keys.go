package record

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Digest returns the digest of a user's id, or of an account's. Keys and subjects have the
// digest in place of the id: an id may be an e-mail address, or hold characters outside of keys.
func Digest(userID string) string {
	sum := sha256.Sum256([]byte(userID))
	var digits [32]byte
	hex.Encode(digits[:], sum[:16])
	return string(digits[:])
}

// AccountKey returns the key of the record of a user's account at a vendor.
func AccountKey(vendor, userID string) string { return vendor + "." + Digest(userID) }

// AccountKeyPattern returns the pattern of the AccountKeys of a vendor.
func AccountKeyPattern(vendor string) string { return vendor + ".*" }

// ActivityKey returns the key of the record of an activity event at a vendor.
func ActivityKey(vendor, userID, eventKey string) string {
	return vendor + "." + Digest(userID) + "." + eventKey
}

// IsActivityKey reports whether ActivityKey has returned the key.
func IsActivityKey(key string) bool { return strings.Count(key, ".") == 2 }

// IndexKey returns the key of a vendor's account in the index of accounts.
func IndexKey(vendor, accountID string) string { return vendor + "." + Digest(accountID) }

// AccountKeys returns the pattern of all AccountKeys of a user.
func AccountKeys(userID string) string { return "*." + Digest(userID) }

// ActivityKeys returns the pattern of all ActivityKeys of a user.
func ActivityKeys(userID string) string { return "*." + Digest(userID) + ".*" }

// SplitKey returns the vendor and the digest of the user in an AccountKey or an ActivityKey.
func SplitKey(key string) (vendor, digest string) {
	vendor, rest, _ := strings.Cut(key, ".")
	digest, _, _ = strings.Cut(rest, ".")
	return vendor, digest
}
