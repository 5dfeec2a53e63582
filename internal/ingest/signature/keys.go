package signature

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/usherhq/usher/vendors"
)

// Fewest bytes of a secret.
const (
	minSecret = 24 // Standard Webhooks requires 24 to 64
	minCustom = 16 // of a template, and of Zoom, which shows 22 letters
)

// key is the key in a secret.
type key struct {
	bytes []byte
	form  string // of the secret, in words
}

// setKeys sets the keys, or returns the faults of the secrets.
func (v *Verifier) setKeys(secrets []vendors.Secret) error {
	if len(secrets) == 0 {
		return errors.New("no secret: set the secret that the sender shows for this web hook")
	}
	least := minSecret
	if v.scheme == Custom || v.scheme == Zoom {
		least = minCustom
	}
	var faults []error
	for i, secret := range secrets {
		k, err := keyOf(v.templates[0].Key, secret.Reveal())
		if err == nil && len(k.bytes) < least {
			err = fmt.Errorf("has %d bytes, which can be guessed: set one of %d or more, made at random", len(k.bytes), least)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("secret %d of %d %w", i+1, len(secrets), err))
		}
		v.keys = append(v.keys, k)
	}
	return errors.Join(faults...)
}

// keyOf returns the key in a secret. The error continues "secret 1 of 2".
func keyOf(form, secret string) (key, error) {
	switch {
	case form == textKey:
		return key{[]byte(secret), "the text itself"}, nil
	case form == basicKey && !strings.Contains(secret, ":"):
		return key{}, errors.New("is not user:password")
	case form == basicKey:
		return key{[]byte(base64.StdEncoding.EncodeToString([]byte(secret))), "user:password"}, nil
	}
	return base64Secret(secret)
}

// base64Secret decodes a secret of Standard Webhooks as senders show the secret: base64 in both
// alphabets, with or without padding, v1, and whsec_ in front. Behind raw: the text is the key.
func base64Secret(secret string) (key, error) {
	if strings.HasPrefix(secret, "whsk_") || strings.HasPrefix(secret, "whpk_") {
		return key{}, errors.New("is a key for v1a signatures, which are not supported: set one that begins with whsec_")
	}
	if raw, ok := strings.CutPrefix(secret, "raw:"); ok {
		return key{[]byte(raw), "the text itself, behind raw:"}, nil
	}
	shown := strings.TrimPrefix(strings.TrimPrefix(secret, "v1,"), "whsec_")
	text := strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(shown), "=")
	decoded, err := base64.RawStdEncoding.Strict().DecodeString(text)
	if err != nil {
		return key{}, errors.New("is not base64: set the secret as shown by the sender, or raw: and the secret if the text itself is the key")
	}
	form := "base64"
	if strings.ContainsAny(shown, "-_") {
		form = "URL-safe base64"
	}
	if prefix := secret[:len(secret)-len(shown)]; prefix != "" {
		form += " behind " + prefix
	}
	return key{decoded, form}, nil
}
