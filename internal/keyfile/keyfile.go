// Package keyfile reads the keys that encrypt the profiles of users.
package keyfile

import (
	"encoding/base64"
	"errors"
	"io/fs"
	"strings"

	"github.com/usherhq/usher/bounded"
)

// Size is the length of a key in bytes.
const Size = 32

// ErrNoKey means that a file has something else than a key.
var ErrNoKey = errors.New("want 32 bytes in base64, such as from: openssl rand -base64 32")

// Read reads a key from a file with 32 bytes in base64. The error has neither path nor content.
func Read(path string) ([]byte, error) {
	text, err := bounded.ReadFile(path, bounded.SettingsFile)
	if err != nil {
		if cause, ok := errors.AsType[*fs.PathError](err); ok {
			err = cause.Err
		}
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != Size {
		return nil, ErrNoKey
	}
	return key, nil
}
