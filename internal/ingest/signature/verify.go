package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

// verify verifies a delivery by one template. Returns the position of the key.
func (c *compiled) verify(v *Verifier, header http.Header, body []byte) (id string, key int, err error) {
	items := c.items(header)
	if c.token && len(items) != 1 {
		return "", 0, wrong("the token is not there once in " + c.Header)
	}
	switch {
	case c.IDHeader == "":
	case !c.signed: // otherwise a captured delivery could be sent again under another id
		digest := sha256.Sum256(body)
		id = hex.EncodeToString(digest[:16])
	default:
		if id = single(header, c.IDHeader); id == "" {
			return "", 0, wrong(c.IDHeader + " is not there once")
		}
	}
	sent, at, err := c.time(header, items)
	if err != nil {
		return "", 0, err
	}
	message, ok := c.message(id, sent, body)
	if !ok {
		return "", 0, wrong(c.IDHeader + " holds the text that separates it from the next signed part")
	}
	if key = c.match(v, items, message); key < 0 {
		return "", 0, wrong("no signature in " + c.Header + " fits")
	}
	if sent != "" && v.now().Sub(at).Abs() > v.tolerance {
		return id, key, ErrStale
	}
	return id, key, nil
}

// items returns the items of the header without the blanks around.
func (c *compiled) items(header http.Header) (items []string) {
	for _, line := range header.Values(c.Header) {
		list := []string{line}
		if c.Separator != "" {
			list = strings.Split(line, c.Separator)
		}
		for _, item := range list {
			if c.token {
				items = append(items, item)
			} else {
				items = append(items, strings.Trim(item, " \t"))
			}
		}
	}
	return items
}

// time returns the signed time as sent; empty for a template without a time.
func (c *compiled) time(header http.Header, items []string) (sent string, at time.Time, err error) {
	switch {
	case c.TimeHeader != "":
		sent = single(header, c.TimeHeader)
	case c.Time != "":
		found := 0
		for _, item := range items {
			if text, ok := strings.CutPrefix(item, c.Time); ok {
				sent = text
				found++
			}
		}
		if found != 1 {
			return "", at, wrong(c.Header + " does not have " + c.Time + " once")
		}
	default:
		return "", at, nil
	}
	at, ok := parseTime(c.TimeFormat, sent)
	if !ok {
		return "", at, wrong("the time is missing, repeated, or not in the format " + c.TimeFormat)
	}
	return sent, at, nil
}

// message returns the parts of the signed text. Reports false if the id holds the separator behind the id, so
// that id and time could be divided in another way.
func (c *compiled) message(id, sent string, body []byte) (message [][]byte, ok bool) {
	for i, part := range c.parts {
		switch part {
		case "{id}":
			if i+1 < len(c.parts) && strings.Contains(id, c.parts[i+1]) {
				return nil, false
			}
			message = append(message, []byte(id))
		case "{time}":
			message = append(message, []byte(sent))
		case "{body}":
			message = append(message, body)
		default:
			message = append(message, []byte(part))
		}
	}
	return message, true
}

// match returns the position of a key with a signature among the items, or -1. All pairs are
// compared, each in constant time, so the time does not reveal which pair is equal.
func (c *compiled) match(v *Verifier, items []string, message [][]byte) int {
	found := -1
	for i, key := range v.keys {
		want := c.texts(key.bytes, message)
		for _, item := range items {
			text, ok := c.signature(item)
			for encoding, w := range want {
				if ok && hmac.Equal(w, candidate(encoding, text)) {
					found = i
				}
			}
		}
	}
	return found
}

// signature returns the signature in an item.
func (c *compiled) signature(item string) (string, bool) {
	if c.token {
		n := len(c.Signature)
		if len(item) < n || !strings.EqualFold(item[:n], c.Signature) {
			return "", false
		}
		return item[n:], true
	}
	text, ok := strings.CutPrefix(item, c.Signature)
	return strings.Trim(text, " \t"), ok
}

// texts returns the right signatures, by encoding. Texts are compared, because several texts
// decode to the same bytes.
func (c *compiled) texts(key []byte, message [][]byte) map[string][]byte {
	if c.token { // digests, so that the time does not reveal the length of the secret
		digest := sha256.Sum256(key)
		return map[string][]byte{"": digest[:]}
	}
	mac := hmac.New(c.hash, key)
	for _, part := range message {
		mac.Write(part)
	}
	digest := mac.Sum(nil)
	all := map[string][]byte{}
	if c.Encoding == hexEncoding || c.Encoding == anyEncoding {
		all[hexEncoding] = []byte(hex.EncodeToString(digest))
	}
	if c.Encoding == base64Encoding || c.Encoding == anyEncoding {
		all[base64Encoding] = []byte(base64.StdEncoding.EncodeToString(digest))
	}
	if c.Encoding == urlEncoding {
		all[urlEncoding] = []byte(base64.RawURLEncoding.EncodeToString(digest))
	}
	return all
}

// candidate returns a sent signature in the form of texts.
func candidate(encoding, text string) []byte {
	switch encoding {
	case "":
		digest := sha256.Sum256([]byte(text))
		return digest[:]
	case hexEncoding:
		return []byte(strings.ToLower(text))
	case urlEncoding:
		return []byte(strings.TrimRight(text, "="))
	default:
		return []byte(text)
	}
}

// parseTime parses Unix time, digits only, at most 13, or RFC 3339. 13 digits are milliseconds, as
// in WorkOS's header, fewer are seconds.
func parseTime(format, s string) (at time.Time, ok bool) {
	if format == rfcTime {
		at, err := time.Parse(time.RFC3339Nano, s)
		return at, err == nil
	}
	var n int64
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' || i == 13 {
			return time.Time{}, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	switch {
	case s == "" || len(s) == 13 && format == secondsTime:
		return time.Time{}, false
	case len(s) == 13:
		return time.UnixMilli(n), true
	default:
		return time.Unix(n, 0), true
	}
}
