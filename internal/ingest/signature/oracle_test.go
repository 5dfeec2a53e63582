package signature_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"pgregory.net/rapid"

	"github.com/usherhq/usher/internal/ingest/signature"
	"github.com/usherhq/usher/vendors"
)

// What the library of Standard Webhooks signs is good here, and is not after any
// one bit of it has changed.
func TestStandardAgreesWithTheLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 24, 64).Draw(t, "key")
		id := rapid.StringMatching(`[A-Za-z0-9_-]{1,40}`).Draw(t, "id")
		at := time.Unix(rapid.Int64Range(1, 99_999_999_999).Draw(t, "at"), 0)
		body := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "body")
		webhook, err := standardwebhooks.NewWebhookRaw(key)
		if err != nil {
			t.Fatal(err)
		}
		sig, err := webhook.Sign(id, at, body)
		if err != nil {
			t.Fatal(err)
		}
		secret := vendors.Secret("whsec_" + toBase64(key))
		v, err := signature.New(signature.StandardWebhooks, []vendors.Secret{secret}, signature.Options{Now: func() time.Time { return at }})
		if err != nil {
			t.Fatal(err)
		}
		parts := []string{id, strconv.FormatInt(at.Unix(), 10), sig, string(body)}
		got, err := v.Verify(deliver(parts), []byte(parts[3]))
		if err != nil || got != id {
			t.Fatalf("got %q, %v, want %q", got, err, id)
		}
		which := rapid.IntRange(0, len(parts)-1).Draw(t, "part")
		if parts[which] == "" {
			return
		}
		bit := rapid.IntRange(0, len(parts[which])*8-1).Draw(t, "bit")
		parts[which] = flip(parts[which], bit)
		if _, err := v.Verify(deliver(parts), []byte(parts[3])); err == nil {
			t.Fatalf("one changed bit in part %d was not noticed: %q", which, parts)
		}
	})
}

// What we sign the library takes, and both refuse the same after a change. It
// reads the machine's clock.
func TestLibraryAgreesWithStandard(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		id := rapid.StringMatching(`[A-Za-z0-9_-]{1,40}`).Draw(rt, "id")
		body := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(rt, "body")
		late := rapid.SampledFrom([]time.Duration{0, time.Minute, -time.Minute, time.Hour, -time.Hour}).Draw(rt, "late")
		at := strconv.FormatInt(time.Now().Add(-late).Unix(), 10)
		sig := signStandard(t, secret, id, at, body)
		if rapid.Bool().Draw(rt, "wrong") {
			sig = flip(sig, rapid.IntRange(24, len(sig)*8-17).Draw(rt, "bit"))
		}
		webhook, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			rt.Fatal(err)
		}
		h := deliver([]string{id, at, sig, string(body)})
		theirs := webhook.Verify(body, h)
		_, ours := verifier(t, signature.StandardWebhooks, signature.Options{Now: time.Now}, secret).Verify(h, body)
		if (ours == nil) != (theirs == nil) {
			rt.Fatalf("got %v, the library says %v", ours, theirs)
		}
	})
}

func toBase64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// deliver makes the headers of id, timestamp and signature.
func deliver(parts []string) http.Header {
	return http.Header{"Webhook-Id": {parts[0]}, "Webhook-Timestamp": {parts[1]}, "Webhook-Signature": {parts[2]}}
}

// flip changes one bit.
func flip(s string, bit int) string {
	b := []byte(s)
	b[bit/8] ^= 1 << (bit % 8)
	return string(b)
}

// Any one changed bit of a delivery is noticed, bit by bit. In hex, a letter may
// change between small and capital.
func TestEveryBitCounts(t *testing.T) {
	const key = "an endpoint's secret of more bytes"
	for name, test := range map[string]struct {
		scheme signature.Scheme
		header http.Header
	}{
		"standard": {signature.StandardWebhooks, deliver([]string{msgID, sent, right})},
		"github":   {signature.GitHub, headers("X-Hub-Signature-256", "sha256="+hexMAC(key, payload))},
		"stripe":   {signature.Stripe, headers("Stripe-Signature", "t="+sent+",v1="+hexMAC(key, sent, ".", payload))},
		"token":    {signature.Token, headers("X-Gitlab-Token", key)},
	} {
		t.Run(name, func(t *testing.T) {
			o, s := signature.Options{}, vendors.Secret(key)
			if test.scheme == signature.Token {
				o.Header = "X-Gitlab-Token"
			}
			if test.scheme == signature.StandardWebhooks {
				s = secret
			}
			v := verifier(t, test.scheme, o, s)
			if _, err := v.Verify(test.header, []byte(payload)); err != nil {
				t.Fatal(err)
			}
			for bit := range len(payload) * 8 {
				if _, err := v.Verify(test.header, []byte(flip(payload, bit))); err == nil && test.scheme != signature.Token {
					t.Errorf("bit %d of the body was not noticed", bit)
				}
			}
			for header, values := range test.header {
				for bit := range len(values[0]) * 8 {
					changed := test.header.Clone()
					changed[header] = []string{flip(values[0], bit)}
					if strings.EqualFold(values[0], changed.Get(header)) && test.scheme != signature.StandardWebhooks {
						continue
					}
					if _, err := v.Verify(changed, []byte(payload)); err == nil {
						t.Errorf("bit %d of %s was not noticed", bit, header)
					}
				}
			}
		})
	}
}

func FuzzVerify(f *testing.F) {
	f.Add(msgID, sent, right, []byte(payload))
	f.Add(msgID, "+"+sent, right, []byte(payload))
	f.Add("msg.1", sent, "v1,WRONG v2,WRONG "+right, []byte(payload))
	f.Add("", "", "", []byte(nil))
	f.Add("72d3162e", sent, "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", []byte("Hello, World!"))
	f.Add("", "99999999999999999999", "t=1614265330,v1="+opensslVector+",v0=", []byte(payload))
	f.Add("", "", "t=,t=,v1,=,,", []byte("\xff"))
	f.Add("", "", "Bearer It's a Secret to Everybody", []byte(nil))
	verifiers := map[signature.Scheme]*signature.Verifier{
		signature.StandardWebhooks: verifier(f, signature.StandardWebhooks, signature.Options{}, secret),
		signature.GitHub:           verifier(f, signature.GitHub, signature.Options{}, text),
		signature.Stripe:           verifier(f, signature.Stripe, signature.Options{}, secret),
		signature.Token:            verifier(f, signature.Token, signature.Options{}, text),
	}
	f.Fuzz(func(t *testing.T, id, at, sig string, body []byte) {
		h := headers("webhook-id", id, "webhook-timestamp", at, "webhook-signature", sig, "X-GitHub-Delivery", id,
			"X-Hub-Signature-256", sig, "Stripe-Signature", sig, "Authorization", sig)
		for scheme, v := range verifiers {
			_, err := v.Verify(h, body)
			if err != nil && !errors.Is(err, signature.ErrSignature) && !errors.Is(err, signature.ErrStale) {
				t.Errorf("%s: got %v", scheme, err)
			}
			if err == nil && scheme == signature.StandardWebhooks && !strings.Contains(sig, signStandard(t, secret, id, at, body)) {
				t.Errorf("took %q", h)
			}
		}
	})
}
