package profile

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"

	"github.com/usherhq/usher/internal/keyfile"
)

// Cipher encrypts profiles by AES-256-GCM. The first key encrypts, and every key decrypts. The
// zero value does not encrypt.
type Cipher struct{ keys []cipher.AEAD }

// sealed begins an encrypted profile. Plain JSON begins with a brace.
const sealed = 1

// ErrUnreadable reports a stored profile that this process cannot read.
var ErrUnreadable = errors.New("the profile of the user cannot be read")

// errSealed reports a profile that no key decrypts.
var errSealed = fmt.Errorf("%w: no key of profiles.keys decrypts the profile: add the former key, then replay", ErrUnreadable)

// ReadKeys reads the keys of a Cipher from files. A file has 32 bytes in base64.
func ReadKeys(paths []string) (Cipher, error) {
	var c Cipher
	for _, path := range paths {
		key, err := keyfile.Read(path)
		if err != nil {
			return Cipher{}, fmt.Errorf("key of profiles %s: %w", path, err)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return Cipher{}, err
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return Cipher{}, err
		}
		c.keys = append(c.keys, aead)
	}
	return c, nil
}

// seal encrypts a profile for a key of the bucket, so that a profile cannot pass for another.
func (c Cipher) seal(key string, plain []byte) []byte {
	if len(c.keys) == 0 {
		return plain
	}
	return append([]byte{sealed}, c.keys[0].Seal(nil, nil, plain, []byte(key))...) //nolint:gosec // the AEAD makes a random nonce
}

// open decrypts a profile. Plain JSON was stored before the first key was set.
func (c Cipher) open(key string, value []byte) ([]byte, error) {
	if len(value) == 0 || value[0] != sealed {
		return value, nil
	}
	for _, aead := range c.keys {
		if plain, err := aead.Open(nil, nil, value[1:], []byte(key)); err == nil {
			return plain, nil
		}
	}
	return nil, errSealed
}
