package signature_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/internal/ingest/signature"
	"github.com/usherhq/usher/vendors"
)

func macOf(h func() hash.Hash, key string, parts ...string) []byte {
	m := hmac.New(h, []byte(key))
	m.Write([]byte(strings.Join(parts, "")))
	return m.Sum(nil)
}

// TestTemplates verifies deliveries in the ways of many senders.
func TestTemplates(t *testing.T) {
	const key = otherText
	rfc := time.Unix(1614265330, 0).UTC().Format(time.RFC3339)
	url := base64.RawURLEncoding.EncodeToString(mac(key, payload))
	twitch := signature.Template{Header: "Twitch-Signature", Signature: "sha256=", IDHeader: "Twitch-Id", TimeHeader: "Twitch-Time", TimeFormat: "rfc3339", Signed: "{id}{time}{body}"}
	paddle := signature.Template{Header: "Paddle-Signature", Separator: ";", Signature: "h1=", Time: "ts=", Signed: "{time}:{body}"}
	slack := signature.Template{Header: "X-S", Signature: "v0=", TimeHeader: "X-T", Signed: "v0:{time}:{body}"}
	ids := signature.Template{Header: "X-S", IDHeader: "X-Id", TimeHeader: "X-T", Signed: "{id}.{time}.{body}"}
	for name, test := range map[string]struct {
		template signature.Template
		header   http.Header
		want     error
	}{
		"hex":                              {signature.Template{Header: "X-S"}, headers("X-S", hexMAC(key, payload)), nil},
		"hex in capital letters":           {signature.Template{Header: "X-S"}, headers("X-S", strings.ToUpper(hexMAC(key, payload))), nil},
		"base64":                           {signature.Template{Header: "X-S", Encoding: "base64"}, headers("X-S", base64MAC(key, payload)), nil},
		"base64 where hex is":              {signature.Template{Header: "X-S"}, headers("X-S", base64MAC(key, payload)), signature.ErrSignature},
		"hex where base64 is":              {signature.Template{Header: "X-S", Encoding: "base64"}, headers("X-S", hexMAC(key, payload)), signature.ErrSignature},
		"any, hex":                         {signature.Template{Header: "X-S", Encoding: "any"}, headers("X-S", hexMAC(key, payload)), nil},
		"any, base64":                      {signature.Template{Header: "X-S", Encoding: "any"}, headers("X-S", base64MAC(key, payload)), nil},
		"URL-safe base64":                  {signature.Template{Header: "X-S", Encoding: "base64url"}, headers("X-S", url), nil},
		"URL-safe base64, padded":          {signature.Template{Header: "X-S", Encoding: "base64url"}, headers("X-S", url+"="), nil},
		"SHA-1":                            {signature.Template{Header: "X-S", Hash: "sha1"}, headers("X-S", hex.EncodeToString(macOf(sha1.New, key, payload))), nil},
		"SHA-512":                          {signature.Template{Header: "X-S", Hash: "sha512"}, headers("X-S", hex.EncodeToString(macOf(sha512.New, key, payload))), nil},
		"another hash":                     {signature.Template{Header: "X-S", Hash: "sha512"}, headers("X-S", hexMAC(key, payload)), signature.ErrSignature},
		"a blank behind the prefix":        {signature.Template{Header: "X-S", Signature: "sha256="}, headers("X-S", "sha256= "+hexMAC(key, payload)), nil},
		"without the prefix":               {signature.Template{Header: "X-S", Signature: "sha256="}, headers("X-S", hexMAC(key, payload)), signature.ErrSignature},
		"Paddle":                           {paddle, headers("Paddle-Signature", "ts="+sent+";h1="+hexMAC(key, sent, ":", payload)), nil},
		"Paddle, two signatures":           {paddle, headers("Paddle-Signature", "ts="+sent+";h1=00;h1="+hexMAC(key, sent, ":", payload)), nil},
		"Paddle, two times":                {paddle, headers("Paddle-Signature", "ts="+sent+";ts=1;h1="+hexMAC(key, sent, ":", payload)), signature.ErrSignature},
		"Paddle, signed like Stripe":       {paddle, headers("Paddle-Signature", "ts="+sent+";h1="+hexMAC(key, sent, ".", payload)), signature.ErrSignature},
		"Paddle, stale":                    {paddle, headers("Paddle-Signature", "ts=1614265000;h1="+hexMAC(key, "1614265000", ":", payload)), signature.ErrStale},
		"time in its own header":           {slack, headers("X-T", sent, "X-S", "v0="+hexMAC(key, "v0:", sent, ":", payload)), nil},
		"the time is missing":              {slack, headers("X-S", "v0="+hexMAC(key, "v0:", ":", payload)), signature.ErrSignature},
		"the time is there twice":          {slack, headers("X-T", sent, "X-T", sent, "X-S", "v0="+hexMAC(key, "v0:", sent, ":", payload)), signature.ErrSignature},
		"another time":                     {slack, headers("X-T", "1614265331", "X-S", "v0="+hexMAC(key, "v0:", sent, ":", payload)), signature.ErrSignature},
		"RFC 3339":                         {twitch, headers("Twitch-Id", "e1", "Twitch-Time", rfc, "Twitch-Signature", "sha256="+hexMAC(key, "e1", rfc, payload)), nil},
		"an id that takes from the time":   {twitch, headers("Twitch-Id", "e12", "Twitch-Time", rfc[1:], "Twitch-Signature", "sha256="+hexMAC(key, "e1", rfc, payload)), signature.ErrSignature},
		"no id":                            {twitch, headers("Twitch-Time", rfc, "Twitch-Signature", "sha256="+hexMAC(key, "", rfc, payload)), signature.ErrSignature},
		"Unix time where RFC 3339 is":      {twitch, headers("Twitch-Id", "e1", "Twitch-Time", sent, "Twitch-Signature", "sha256="+hexMAC(key, "e1", sent, payload)), signature.ErrSignature},
		"id and time":                      {ids, headers("X-Id", "e1", "X-T", sent, "X-S", hexMAC(key, "e1.", sent, ".", payload)), nil},
		"an id with the separator":         {ids, headers("X-Id", "e.1", "X-T", sent, "X-S", hexMAC(key, "e.1.", sent, ".", payload)), signature.ErrSignature},
		"an id that is not signed":         {signature.Template{Header: "X-S", IDHeader: "X-Id"}, headers("X-Id", "e1", "X-S", hexMAC(key, payload)), nil},
		"no header":                        {signature.Template{Header: "X-S"}, headers("X-T", "1"), signature.ErrSignature},
		"the empty signature":              {signature.Template{Header: "X-S"}, headers("X-S", ""), signature.ErrSignature},
		"a base64 key":                     {signature.Template{Header: "X-S", Key: "base64"}, headers("X-S", hexMAC(key, payload)), nil},
		"text around the body":             {signature.Template{Header: "X-S", Signed: "<{body}>"}, headers("X-S", hexMAC(key, "<", payload, ">")), nil},
		"the same id, where none is meant": {signature.Template{Header: "X-S"}, headers("X-S", hexMAC(key, payload), "X-Id", "e1"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := vendors.Secret(key)
			if test.template.Key == "base64" {
				s = vendors.Secret(base64.StdEncoding.EncodeToString([]byte(key)))
			}
			v := verifier(t, signature.Custom, signature.Options{Template: &test.template}, otherSecret, s)
			m, err := v.Match(test.header, []byte(payload))
			if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			id := test.header.Get(test.template.IDHeader)
			if id != "" && !strings.Contains(test.template.Signed, "{id}") {
				digest := sha256.Sum256([]byte(payload))
				id = hex.EncodeToString(digest[:16])
			}
			if err == nil && (m.Secret != 1 || m.ID != id) {
				t.Errorf("got %+v, want the second secret", m)
			}
		})
	}
}

const otherSecret vendors.Secret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"

// TestReadyTemplates verifies the schemes that have no other tests.
func TestReadyTemplates(t *testing.T) {
	for scheme, header := range map[signature.Scheme]http.Header{
		signature.Slack:  headers("X-Slack-Request-Timestamp", sent, "X-Slack-Signature", "v0="+hexMAC(otherText, "v0:", sent, ":", payload)),
		signature.Zoom:   headers("x-zm-request-timestamp", sent, "x-zm-signature", "v0="+hexMAC(otherText, "v0:", sent, ":", payload)),
		signature.Paddle: headers("Paddle-Signature", "ts="+sent+";h1="+hexMAC(otherText, sent, ":", payload)),
	} {
		if _, err := verifier(t, scheme, signature.Options{}, otherText).Verify(header, []byte(payload)); err != nil {
			t.Errorf("%s: %v", scheme, err)
		}
		if _, err := verifier(t, scheme, signature.Options{}, otherText).Verify(header, []byte(payload+" ")); !errors.Is(err, signature.ErrSignature) {
			t.Errorf("%s, another body: %v", scheme, err)
		}
	}
}

// TestBasic verifies user and password of an address.
func TestBasic(t *testing.T) {
	const secret = "sns:a password of enough bytes"
	v := verifier(t, signature.Basic, signature.Options{}, secret)
	encoded := base64.StdEncoding.EncodeToString([]byte(secret))
	for value, ok := range map[string]bool{"Basic " + encoded: true, "basic " + encoded: true, "Basic " + secret: false, "Bearer " + encoded: false, encoded: false} {
		_, err := v.Verify(headers("Authorization", value), []byte(payload))
		check(t, "", err, "", ok)
	}
	if _, err := signature.New(signature.Basic, []vendors.Secret{otherSecret}, signature.Options{}); err == nil || !strings.Contains(err.Error(), "is not user:password") {
		t.Errorf("a secret without a user: got %v", err)
	}
	if _, err := signature.New(signature.Custom, []vendors.Secret{secret}, signature.Options{Template: &signature.Template{Header: "X", Key: "hex"}}); err == nil {
		t.Error("a template with another form of the key is accepted")
	}
}

func TestTemplatesAreRejected(t *testing.T) {
	for name, test := range map[string]struct {
		options signature.Options
		want    string
	}{
		"no template":                {signature.Options{}, "the scheme template needs a template"},
		"a header beside a template": {signature.Options{Header: "X-S", Template: &signature.Template{Header: "X-S"}}, "remove the header"},
		"no header":                  {signature.Options{Template: &signature.Template{}}, "header is missing"},
		"a bad header":               {signature.Options{Template: &signature.Template{Header: "X S"}}, "not the name of a header"},
		"an encoding":                {signature.Options{Template: &signature.Template{Header: "X", Encoding: "base32"}}, `encoding is "base32": use one of hex, base64, base64url, any`},
		"a hash":                     {signature.Options{Template: &signature.Template{Header: "X", Hash: "md5"}}, `hash is "md5": use one of sha1, sha256, sha512`},
		"a time format":              {signature.Options{Template: &signature.Template{Header: "X", TimeFormat: "iso"}}, "time_format"},
		"a key form":                 {signature.Options{Template: &signature.Template{Header: "X", Key: "hex"}}, "key is"},
		"no body":                    {signature.Options{Template: &signature.Template{Header: "X", TimeHeader: "T", Signed: "{time}"}}, "signed needs {body} once"},
		"a time that is not signed":  {signature.Options{Template: &signature.Template{Header: "X", TimeHeader: "T"}}, "a time without a signature proves nothing"},
		"a signed time from nowhere": {signature.Options{Template: &signature.Template{Header: "X", Signed: "{time}{body}"}}, "signed needs {time} if"},
		"two times":                  {signature.Options{Template: &signature.Template{Header: "X", Separator: ",", Time: "t=", TimeHeader: "T", Signed: "{time}{body}"}}, "exclude each other"},
		"a time without a separator": {signature.Options{Template: &signature.Template{Header: "X", Time: "t=", Signed: "{time}{body}"}}, "separator is missing"},
		"an id from nowhere":         {signature.Options{Template: &signature.Template{Header: "X", Signed: "{id}{body}"}}, "id_header is missing"},
		"another placeholder":        {signature.Options{Template: &signature.Template{Header: "X", Signed: "{url}{body}"}}, "the placeholders are {id}, {time} and {body}"},
		"an open brace":              {signature.Options{Template: &signature.Template{Header: "X", Signed: "{body}{"}}, "a { without }"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := signature.New(signature.Custom, []vendors.Secret{otherText}, test.options)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	if _, err := signature.New(signature.Stripe, []vendors.Secret{otherText}, signature.Options{Template: &signature.Template{}}); err == nil {
		t.Error("a template beside another scheme is taken")
	}
}

// FuzzTemplate verifies any delivery by any template. Only a delivery with the right digest is
// accepted.
func FuzzTemplate(f *testing.F) {
	f.Add("X-S", ";", "h1=", "ts=", "{time}:{body}", "", "any", "ts="+sent+";h1="+hexMAC(otherText, sent, ":", payload), sent, payload)
	f.Add("X-S", "", "", "", "{id}{time}{body}", "X-T", "hex", hexMAC(otherText, "e1", sent, payload), sent, payload)
	f.Add("X-S", " ", "v1,", "", "<{body}>", "", "base64url", "v1,", "", "")
	f.Fuzz(func(t *testing.T, header, separator, prefix, mark, signed, timeHeader, encoding, value, at, body string) {
		o := signature.Options{Now: now(0), Template: &signature.Template{
			Header: header, Separator: separator, Signature: prefix, Time: mark, Signed: signed, TimeHeader: timeHeader, Encoding: encoding, IDHeader: "X-Id",
		}}
		v, err := signature.New(signature.Custom, []vendors.Secret{otherText}, o)
		if err != nil {
			return
		}
		h := headers("X-Id", "e1")
		h.Set(timeHeader, at)
		h.Set(header, value)
		_, err = v.Verify(h, []byte(body))
		if err != nil {
			if !errors.Is(err, signature.ErrSignature) && !errors.Is(err, signature.ErrStale) {
				t.Errorf("got %v", err)
			}
			return
		}
		id := h.Get("X-Id")
		for _, when := range []string{at, strings.Join(cutAll(value, separator, mark), "\x00"), ""} {
			digest := mac(otherText, strings.NewReplacer("{id}", id, "{time}", when, "{body}", body).Replace(signed))
			for _, text := range []string{hex.EncodeToString(digest), base64.StdEncoding.EncodeToString(digest), base64.RawURLEncoding.EncodeToString(digest)} {
				if strings.Contains(value, text) || strings.Contains(strings.ToLower(value), text) {
					return
				}
			}
		}
		t.Errorf("took %q by %+v", h, *o.Template)
	})
}

// cutAll returns the items of a header behind a mark.
func cutAll(value, separator, mark string) (all []string) {
	if separator == "" || mark == "" {
		return nil
	}
	for item := range strings.SplitSeq(value, separator) {
		if text, ok := strings.CutPrefix(strings.Trim(item, " \t"), mark); ok {
			all = append(all, text)
		}
	}
	return all
}
