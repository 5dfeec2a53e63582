package signature

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
)

// standardKey decodes a secret of Standard Webhooks as senders show the secret: base64 in both
// alphabets, with or without padding, v1, and whsec_ in front. Behind raw: the text is the key.
func standardKey(secret string) ([]byte, error) {
	if strings.HasPrefix(secret, "whsk_") || strings.HasPrefix(secret, "whpk_") {
		return nil, errors.New("is a key for v1a signatures, which are not supported: set one that begins with whsec_")
	}
	if raw, ok := strings.CutPrefix(secret, "raw:"); ok {
		return []byte(raw), nil
	}
	text := strings.TrimPrefix(strings.TrimPrefix(secret, "v1,"), "whsec_")
	text = strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(text), "=")
	key, err := base64.RawStdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, errors.New("is not base64: set the secret as shown by the sender, or raw: and the secret if the text itself is the key")
	}
	return key, nil
}

// standard verifies webhook-* headers, or svix-* headers without a webhook-signature.
func (v Verifier) standard(header http.Header, body []byte) (string, error) {
	prefix := "Webhook-"
	if len(header.Values("Webhook-Signature")) == 0 {
		prefix = "Svix-"
	}
	lines := header.Values(prefix + "Signature")
	if len(lines) == 0 {
		return "", wrong("there is no header Webhook-Signature or Svix-Signature")
	}
	id, sent := single(header, prefix+"Id"), single(header, prefix+"Timestamp")
	if id == "" || strings.Contains(id, ".") {
		return "", wrong(prefix + "Id is not there once, or has a dot")
	}
	at, ok := parseTime(sent)
	if !ok || len(sent) == 13 {
		return "", wrong(prefix + "Timestamp is not Unix seconds in digits")
	}
	want := v.digests([]byte(id), []byte("."), []byte(sent), []byte("."), body)
	for i, digest := range want {
		// Compare base64 as text, because several texts decode to the same bytes.
		want[i] = []byte("v1," + base64.StdEncoding.EncodeToString(digest))
	}
	var candidates [][]byte
	for _, s := range strings.Fields(strings.Join(lines, " ")) {
		if strings.HasPrefix(s, "v1,") { // ignore other versions
			candidates = append(candidates, []byte(s))
		}
	}
	if !anyEqual(want, candidates) {
		return "", wrong("no v1 signature fits")
	}
	if err := v.fresh(at); err != nil {
		return "", err
	}
	return id, nil
}

// github verifies sha256=HEX. Each line of the header is one signature. The id is a digest of the
// body: X-GitHub-Delivery is not signed, so a captured delivery could be sent again under another id.
func (v Verifier) github(header http.Header, body []byte) (string, error) {
	var candidates [][]byte
	for _, line := range header.Values(v.header) {
		if digest := v.githubDigest(line); digest != nil {
			candidates = append(candidates, digest)
		}
	}
	if !anyEqual(v.digests(body), candidates) {
		return "", wrong("no signature in " + v.header + " fits")
	}
	digest := sha256.Sum256(body)
	return hex.EncodeToString(digest[:16]), nil
}

// githubDigest decodes a signature, or returns nil. GitHub's own header has sha256=HEX only;
// another header may have the bare digest, in hex or base64.
func (v Verifier) githubDigest(s string) []byte {
	text, named := strings.CutPrefix(s, "sha256=")
	if digest, err := hex.DecodeString(text); err == nil && (named || v.header != "X-Hub-Signature-256") {
		return digest
	}
	if v.header == "X-Hub-Signature-256" || named {
		return nil
	}
	digest, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(text) != base64.StdEncoding.EncodedLen(sha256.Size) {
		return nil
	}
	return digest
}

// stripe verifies t=TIME,v1=HEX[,v1=HEX…]. WorkOS has a space after the comma.
func (v Verifier) stripe(header http.Header, body []byte) (string, error) {
	var sent []string
	var candidates [][]byte
	for item := range strings.SplitSeq(strings.Join(header.Values(v.header), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(item), "=")
		switch name {
		case "t":
			sent = append(sent, value)
		case "v1": // v0 is for Stripe's tests; other versions are unknown
			if digest, err := hex.DecodeString(value); err == nil {
				candidates = append(candidates, digest)
			}
		}
	}
	if len(sent) != 1 {
		return "", wrong(v.header + " does not have t= once")
	}
	at, ok := parseTime(sent[0])
	if !ok {
		return "", wrong(v.header + " has a t= that is not Unix time in digits")
	}
	if !anyEqual(v.digests([]byte(sent[0]), []byte("."), body), candidates) {
		return "", wrong("no v1 signature in " + v.header + " fits")
	}
	return "", v.fresh(at)
}

// token compares a token by digests, so the time does not reveal the length of ours.
func (v Verifier) token(header http.Header, _ []byte) (string, error) {
	sent := single(header, v.header)
	if v.header == "Authorization" {
		scheme, rest, _ := strings.Cut(sent, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return "", wrong("Authorization is not there once as Bearer TOKEN")
		}
		sent = rest
	}
	var want [][]byte
	for _, key := range v.keys {
		digest := sha256.Sum256(key)
		want = append(want, digest[:])
	}
	digest := sha256.Sum256([]byte(sent))
	if !anyEqual(want, [][]byte{digest[:]}) {
		return "", wrong("the token in " + v.header + " does not fit")
	}
	return "", nil
}
