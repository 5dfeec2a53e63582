package signature_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/internal/ingest/signature"
	"github.com/usherhq/usher/vendors"
)

const (
	secret  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" // of the vectors of Standard Webhooks
	other   = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
	msgID   = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	sent    = "1614265330"
	payload = `{"test": 2432232314}`
	right   = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

	text      = "It's a Secret to Everybody" // of GitHub's documents
	otherText = "another secret, with enough bytes"
)

// now is when the vectors were sent, and later by d.
func now(d time.Duration) func() time.Time {
	return func() time.Time { return time.Unix(1614265330, 0).Add(d) }
}

func verifier(t testing.TB, s signature.Scheme, o signature.Options, secrets ...vendors.Secret) *signature.Verifier {
	t.Helper()
	if o.Now == nil {
		o.Now = now(0)
	}
	v, err := signature.New(s, secrets, o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// headers makes a header of names and values in turn.
func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func mac(key string, parts ...string) []byte {
	m := hmac.New(sha256.New, []byte(key))
	m.Write([]byte(strings.Join(parts, "")))
	return m.Sum(nil)
}

func hexMAC(key string, parts ...string) string { return hex.EncodeToString(mac(key, parts...)) }

func base64MAC(key string, parts ...string) string {
	return base64.StdEncoding.EncodeToString(mac(key, parts...))
}

// signStandard signs as Standard Webhooks says.
func signStandard(t testing.TB, secret, id, at string, body []byte) string {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	return "v1," + base64MAC(string(key), id, ".", at, ".", string(body))
}

func TestNewRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		scheme  signature.Scheme
		secrets []vendors.Secret
		options signature.Options
		want    string
	}{
		"no secret":                      {signature.GitHub, nil, signature.Options{}, "no secret: set the secret"},
		"an empty secret":                {signature.GitHub, []vendors.Secret{""}, signature.Options{}, "secret 1 of 1 has 0 bytes"},
		"an unknown scheme":              {"hmac", []vendors.Secret{text}, signature.Options{}, `unknown scheme "hmac": use one of standard, github, stripe, slack, zoom, paddle, token, basic, template`},
		"no scheme":                      {"", []vendors.Secret{text}, signature.Options{}, "use one of standard"},
		"23 bytes, GitHub":               {signature.GitHub, []vendors.Secret{"01234567890123456789012"}, signature.Options{}, "secret 1 of 1 has 23 bytes, which can be guessed: set one of 24 or more"},
		"23 bytes, Stripe":               {signature.Stripe, []vendors.Secret{"whsec_78901234567890123"}, signature.Options{}, "has 23 bytes"},
		"23 bytes, a token":              {signature.Token, []vendors.Secret{"01234567890123456789012"}, signature.Options{}, "has 23 bytes"},
		"23 bytes, decoded":              {signature.StandardWebhooks, []vendors.Secret{"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRY="}, signature.Options{}, "has 23 bytes"},
		"the second of two":              {signature.GitHub, []vendors.Secret{text, "short"}, signature.Options{}, "secret 2 of 2 has 5 bytes"},
		"no base64":                      {signature.StandardWebhooks, []vendors.Secret{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS"}, signature.Options{}, "secret 1 of 1 is not base64"},
		"an asymmetric key":              {signature.StandardWebhooks, []vendors.Secret{"whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, signature.Options{}, "is a key for v1a"},
		"a header where there is none":   {signature.StandardWebhooks, []vendors.Secret{secret}, signature.Options{Header: "X-Sig"}, "remove the header"},
		"a header with a blank":          {signature.Token, []vendors.Secret{text}, signature.Options{Header: "X Sig"}, "not the name of a header"},
		"a tolerance into the wrong way": {signature.Stripe, []vendors.Secret{text}, signature.Options{Tolerance: -1}, "the tolerance is negative"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := signature.New(test.scheme, test.secrets, test.options)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %q", err, test.want)
			}
			for _, s := range test.secrets {
				if s != "" && strings.Contains(err.Error(), s.Reveal()) {
					t.Errorf("the error tells the secret: %v", err)
				}
			}
		})
	}
}

func TestNewTakes24Bytes(t *testing.T) {
	for scheme, secret := range map[signature.Scheme]vendors.Secret{
		signature.StandardWebhooks: other,
		signature.GitHub:           "012345678901234567890123",
		signature.Stripe:           "whsec_789012345678901234",
		signature.Token:            "012345678901234567890123",
	} {
		if _, err := signature.New(scheme, []vendors.Secret{secret}, signature.Options{}); err != nil {
			t.Errorf("%s: %v", scheme, err)
		}
	}
}

func TestStandard(t *testing.T) {
	h := func(id, at, sig string) http.Header {
		return headers("webhook-id", id, "webhook-timestamp", at, "webhook-signature", sig)
	}
	sign := func(id, at string) string { return signStandard(t, secret, id, at, []byte(payload)) }
	wrong := "v1,AAAM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	twoLines := h(msgID, sent, wrong)
	twoLines.Add("Webhook-Signature", right)
	twoIDs := h(msgID, sent, right)
	twoIDs.Add("Webhook-Id", msgID)
	twoTimes := h(msgID, sent, right)
	twoTimes.Add("Webhook-Timestamp", sent)
	for name, test := range map[string]struct {
		header http.Header
		body   string
		want   error
	}{
		"the published vector":                    {h(msgID, sent, right), payload, nil},
		"the headers of Svix":                     {headers("svix-id", msgID, "svix-timestamp", sent, "svix-signature", right), payload, nil},
		"headers of both, halved":                 {headers("svix-id", msgID, "svix-timestamp", sent, "webhook-signature", right), payload, signature.ErrSignature},
		"one right of several":                    {h(msgID, sent, wrong+" v2,WRONG "+right+" "+wrong), payload, nil},
		"several lines of the header":             {twoLines, payload, nil},
		"only wrong ones":                         {h(msgID, sent, wrong+" "+wrong), payload, signature.ErrSignature},
		"the right digest as v2":                  {h(msgID, sent, "v2"+right[2:]), payload, signature.ErrSignature},
		"the right digest as v1a":                 {h(msgID, sent, "v1a"+right[2:]), payload, signature.ErrSignature},
		"the v1a vector":                          {h(msgID, sent, "v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag=="), payload, signature.ErrSignature},
		"the right digest without a version":      {h(msgID, sent, right[3:]), payload, signature.ErrSignature},
		"base64 without its end":                  {h(msgID, sent, strings.TrimSuffix(right, "=")), payload, signature.ErrSignature},
		"base64 with other bits in its last sign": {h(msgID, sent, strings.Replace(right, "E=", "F=", 1)), payload, signature.ErrSignature},
		"no headers":                              {http.Header{}, payload, signature.ErrSignature},
		"no id":                                   {headers("webhook-timestamp", sent, "webhook-signature", sign("", sent)), payload, signature.ErrSignature},
		"no timestamp":                            {headers("webhook-id", msgID, "webhook-signature", sign(msgID, "")), payload, signature.ErrSignature},
		"no signature":                            {headers("webhook-id", msgID, "webhook-timestamp", sent), payload, signature.ErrSignature},
		"an empty signature":                      {h(msgID, sent, ""), payload, signature.ErrSignature},
		"two ids":                                 {twoIDs, payload, signature.ErrSignature},
		"two timestamps":                          {twoTimes, payload, signature.ErrSignature},
		"an id with a dot":                        {h("msg.1", sent, sign("msg.1", sent)), payload, signature.ErrSignature},
		"a timestamp with a plus":                 {h(msgID, "+"+sent, sign(msgID, "+"+sent)), payload, signature.ErrSignature},
		"a timestamp with a minus":                {h(msgID, "-"+sent, sign(msgID, "-"+sent)), payload, signature.ErrSignature},
		"a timestamp with a fraction":             {h(msgID, sent+".0", sign(msgID, sent+".0")), payload, signature.ErrSignature},
		"a timestamp with a blank":                {h(msgID, sent+" ", sign(msgID, sent+" ")), payload, signature.ErrSignature},
		"a timestamp in other digits":             {h(msgID, "١٦١٤٢٦٥٣٣٠", sign(msgID, "١٦١٤٢٦٥٣٣٠")), payload, signature.ErrSignature},
		"a timestamp in milliseconds":             {h(msgID, sent+"000", sign(msgID, sent+"000")), payload, signature.ErrSignature},
		"a timestamp without end":                 {h(msgID, strings.Repeat("9", 400), sign(msgID, strings.Repeat("9", 400))), payload, signature.ErrSignature},
		"a timestamp signed as it was written":    {h(msgID, "00"+sent, sign(msgID, "00"+sent)), payload, nil},
		"a timestamp signed in another writing":   {h(msgID, "00"+sent, right), payload, signature.ErrSignature},
		"another body":                            {h(msgID, sent, right), payload + " ", signature.ErrSignature},
		"another id":                              {h(msgID+"x", sent, right), payload, signature.ErrSignature},
		"another timestamp":                       {h(msgID, "1614265331", right), payload, signature.ErrSignature},
		"a wrong signature of a stale delivery":   {h(msgID, "1614000000", right), payload, signature.ErrSignature},
		"a stale delivery":                        {h(msgID, "1614265029", sign(msgID, "1614265029")), payload, signature.ErrStale},
		"just within the tolerance":               {h(msgID, "1614265030", sign(msgID, "1614265030")), payload, nil},
		"a delivery from the future":              {h(msgID, "1614265631", sign(msgID, "1614265631")), payload, signature.ErrStale},
		"just within the future":                  {h(msgID, "1614265630", sign(msgID, "1614265630")), payload, nil},
		"a delivery from the far future":          {h(msgID, "999999999999", sign(msgID, "999999999999")), payload, signature.ErrStale},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := verifier(t, signature.StandardWebhooks, signature.Options{}, secret).Verify(test.header, []byte(test.body))
			want := ""
			if test.want == nil {
				want = msgID
			}
			if !errors.Is(err, test.want) || err == nil != (test.want == nil) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if id != want {
				t.Errorf("got id %q, want %q", id, want)
			}
		})
	}
}

func TestStandardSecretWithoutPrefix(t *testing.T) {
	v := verifier(t, signature.StandardWebhooks, signature.Options{}, vendors.Secret(strings.TrimPrefix(secret, "whsec_")))
	if _, err := v.Verify(headers("webhook-id", msgID, "webhook-timestamp", sent, "webhook-signature", right), []byte(payload)); err != nil {
		t.Error(err)
	}
}

func TestTolerance(t *testing.T) {
	for name, test := range map[string]struct {
		tolerance, late time.Duration
		want            error
	}{
		"a minute is enough":             {time.Minute, time.Minute, nil},
		"a minute is over":               {time.Minute, time.Minute + time.Nanosecond, signature.ErrStale},
		"a minute into the future":       {time.Minute, -time.Minute, nil},
		"more than that":                 {time.Minute, -time.Minute - time.Nanosecond, signature.ErrStale},
		"an hour, where it is set":       {2 * time.Hour, time.Hour, nil},
		"five minutes, where it is not":  {0, 5 * time.Minute, nil},
		"and not more than five minutes": {0, 5*time.Minute + time.Nanosecond, signature.ErrStale},
	} {
		t.Run(name, func(t *testing.T) {
			o := signature.Options{Tolerance: test.tolerance, Now: now(test.late)}
			_, err := verifier(t, signature.StandardWebhooks, o, secret).
				Verify(headers("webhook-id", msgID, "webhook-timestamp", sent, "webhook-signature", right), []byte(payload))
			if !errors.Is(err, test.want) {
				t.Errorf("standard: got %v, want %v", err, test.want)
			}
			_, err = verifier(t, signature.Stripe, o, secret).
				Verify(headers("Stripe-Signature", "t="+sent+",v1="+hexMAC(secret, sent, ".", payload)), []byte(payload))
			if !errors.Is(err, test.want) {
				t.Errorf("stripe: got %v, want %v", err, test.want)
			}
		})
	}
}

func TestGitHub(t *testing.T) {
	const vector = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
	const digest = "dffd6021bb2bd5b0af676290809ec3a5" // of the body
	zeros := strings.Repeat("0", 64)
	for name, test := range map[string]struct {
		header    http.Header
		body      string
		options   signature.Options
		id        string
		signature bool
	}{
		"the published vector":          {headers("X-Hub-Signature-256", "sha256="+vector), "Hello, World!", signature.Options{}, digest, true},
		"the delivery's id":             {headers("X-Hub-Signature-256", "sha256="+vector, "X-GitHub-Delivery", "72d3162e"), "Hello, World!", signature.Options{}, digest, true},
		"capitals":                      {headers("X-Hub-Signature-256", "sha256="+strings.ToUpper(vector)), "Hello, World!", signature.Options{}, digest, true},
		"one right of several lines":    {headers("X-Hub-Signature-256", "sha256="+zeros, "X-Hub-Signature-256", "sha256="+vector), "Hello, World!", signature.Options{}, digest, true},
		"another body":                  {headers("X-Hub-Signature-256", "sha256="+vector), "Hello, World", signature.Options{}, "", false},
		"nothing":                       {http.Header{}, "Hello, World!", signature.Options{}, "", false},
		"an empty signature":            {headers("X-Hub-Signature-256", "sha256="), "Hello, World!", signature.Options{}, "", false},
		"a short signature":             {headers("X-Hub-Signature-256", "sha256="+vector[:32]), "Hello, World!", signature.Options{}, "", false},
		"no hex":                        {headers("X-Hub-Signature-256", "sha256=zz"+vector[2:]), "Hello, World!", signature.Options{}, "", false},
		"no name of the hash":           {headers("X-Hub-Signature-256", vector), "Hello, World!", signature.Options{}, "", false},
		"another name of the hash":      {headers("X-Hub-Signature-256", "sha1="+vector), "Hello, World!", signature.Options{}, "", false},
		"the old header":                {headers("X-Hub-Signature", "sha256="+vector), "Hello, World!", signature.Options{}, "", false},
		"Thinkific: bare hex":           {headers("X-Thinkific-Hmac-Sha256", vector), "Hello, World!", signature.Options{Header: "x-thinkific-hmac-sha256"}, digest, true},
		"Shopify: bare base64":          {headers("X-Shopify-Hmac-Sha256", base64MAC(text, "Hello, World!")), "Hello, World!", signature.Options{Header: "X-Shopify-Hmac-Sha256"}, digest, true},
		"Shopify: another body":         {headers("X-Shopify-Hmac-Sha256", base64MAC(text, "Hello, World!")), "Hello", signature.Options{Header: "X-Shopify-Hmac-Sha256"}, "", false},
		"Shopify: base64 without =":     {headers("X-Shopify-Hmac-Sha256", strings.TrimSuffix(base64MAC(text, "Hello, World!"), "=")), "Hello, World!", signature.Options{Header: "X-Shopify-Hmac-Sha256"}, "", false},
		"another header, GitHub's way":  {headers("X-Sig", "sha256="+vector), "Hello, World!", signature.Options{Header: "X-Sig"}, digest, true},
		"another header, GitHub's name": {headers("X-Hub-Signature-256", "sha256="+vector), "Hello, World!", signature.Options{Header: "X-Sig"}, "", false},
		"GitHub's own header by name":   {headers("X-Hub-Signature-256", vector), "Hello, World!", signature.Options{Header: "x-hub-signature-256"}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := verifier(t, signature.GitHub, test.options, text).Verify(test.header, []byte(test.body))
			check(t, id, err, test.id, test.signature)
		})
	}
}

// check checks an id, or that the error is ErrSignature.
func check(t *testing.T, id string, err error, want string, ok bool) {
	t.Helper()
	if !ok {
		if !errors.Is(err, signature.ErrSignature) || id != "" {
			t.Errorf("got %q, %v, want ErrSignature", id, err)
		}
		return
	}
	if err != nil || id != want {
		t.Errorf("got %q, %v, want %q", id, err, want)
	}
}

func TestStripe(t *testing.T) {
	const key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	decoded, _ := base64.StdEncoding.DecodeString(key[6:])
	right := hexMAC(key, sent, ".", payload)
	zeros := strings.Repeat("0", 64)
	millis := sent + "123"
	for name, test := range map[string]struct {
		name, value string
		options     signature.Options
		ok          bool
	}{
		// echo -n '1614265330.{"test": 2432232314}' | openssl dgst -sha256 -hmac whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
		"a vector of openssl":           {"", "t=1614265330,v1=OPENSSL", signature.Options{}, true},
		"the secret as it is":           {"", "t=" + sent + ",v1=" + right, signature.Options{}, true},
		"the secret decoded":            {"", "t=" + sent + ",v1=" + hexMAC(string(decoded), sent, ".", payload), signature.Options{}, false},
		"several v1":                    {"", "t=" + sent + ",v1=" + zeros + ",v1=" + right + ",v1=" + zeros, signature.Options{}, true},
		"v0 beside it":                  {"", "t=" + sent + ",v1=" + right + ",v0=" + zeros, signature.Options{}, true},
		"only v0":                       {"", "t=" + sent + ",v0=" + right, signature.Options{}, false},
		"only v2":                       {"", "t=" + sent + ",v2=" + right, signature.Options{}, false},
		"the time last":                 {"", "v1=" + right + ",t=" + sent, signature.Options{}, true},
		"no time":                       {"", "v1=" + right, signature.Options{}, false},
		"two times":                     {"", "t=" + sent + ",t=" + sent + ",v1=" + right, signature.Options{}, false},
		"no signature":                  {"", "t=" + sent, signature.Options{}, false},
		"nothing":                       {"", "", signature.Options{}, false},
		"a time with a plus":            {"", "t=+" + sent + ",v1=" + hexMAC(key, "+", sent, ".", payload), signature.Options{}, false},
		"another time":                  {"", "t=1614265331,v1=" + right, signature.Options{}, false},
		"no hex":                        {"", "t=" + sent + ",v1=" + right[1:], signature.Options{}, false},
		"WorkOS: milliseconds, a blank": {"WorkOS-Signature", "t=" + millis + ", v1=" + hexMAC(key, millis, ".", payload), signature.Options{Header: "WorkOS-Signature"}, true},
		"WorkOS: in Stripe's header":    {"Stripe-Signature", "t=" + millis + ", v1=" + hexMAC(key, millis, ".", payload), signature.Options{Header: "WorkOS-Signature"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if test.name == "" {
				test.name = "Stripe-Signature"
			}
			value := strings.Replace(test.value, "OPENSSL", opensslVector, 1)
			id, err := verifier(t, signature.Stripe, test.options, key).Verify(headers(test.name, value), []byte(payload))
			check(t, id, err, "", test.ok)
		})
	}
}

const opensslVector = "2e37df5d4a028c51a7f3133d64ae1e300d2c2c900f1b1d49d4369ad2530f8964"

func TestStripeJoinsLines(t *testing.T) {
	h := headers("Stripe-Signature", "t="+sent, "Stripe-Signature", "v1="+hexMAC(otherText, sent, ".", payload))
	if _, err := verifier(t, signature.Stripe, signature.Options{}, otherText).Verify(h, []byte(payload)); err != nil {
		t.Error(err)
	}
}

func TestStripeStale(t *testing.T) {
	for _, at := range []string{"1614265029", "1614265631", "1614265029999", "0", "9999999999999"} {
		h := headers("Stripe-Signature", "t="+at+",v1="+hexMAC(otherText, at, ".", payload))
		_, err := verifier(t, signature.Stripe, signature.Options{}, otherText).Verify(h, []byte(payload))
		if !errors.Is(err, signature.ErrStale) {
			t.Errorf("%s: got %v, want ErrStale", at, err)
		}
	}
}

func TestToken(t *testing.T) {
	for name, test := range map[string]struct {
		header http.Header
		in     string
		ok     bool
	}{
		"a bearer token":           {headers("Authorization", "Bearer "+otherText), "", true},
		"bearer in small letters":  {headers("Authorization", "bearer "+otherText), "", true},
		"GitLab's header":          {headers("X-Gitlab-Token", otherText), "X-Gitlab-Token", true},
		"Authorization, by name":   {headers("Authorization", "Bearer "+otherText), "authorization", true},
		"another token":            {headers("Authorization", "Bearer "+otherText+"x"), "", false},
		"a part of it":             {headers("Authorization", "Bearer "+otherText[:30]), "", false},
		"no bearer":                {headers("Authorization", otherText), "", false},
		"basic":                    {headers("Authorization", "Basic "+otherText), "", false},
		"nothing":                  {http.Header{}, "", false},
		"an empty token":           {headers("Authorization", "Bearer "), "", false},
		"nothing in GitLab's":      {headers("X-Gitlab-Token", ""), "X-Gitlab-Token", false},
		"bearer in GitLab's":       {headers("X-Gitlab-Token", "Bearer "+otherText), "X-Gitlab-Token", false},
		"the token, twice":         {headers("X-Gitlab-Token", otherText, "X-Gitlab-Token", otherText), "X-Gitlab-Token", false},
		"the token in another one": {headers("X-Token", otherText), "X-Gitlab-Token", false},
	} {
		t.Run(name, func(t *testing.T) {
			v := verifier(t, signature.Token, signature.Options{Header: test.in}, otherText)
			id, err := v.Verify(test.header, []byte(payload))
			check(t, id, err, "", test.ok)
		})
	}
}

// While a sender changes its secret, the old one and the new one are both good,
// in any order; then only the new one.
func TestRotation(t *testing.T) {
	type pair struct{ a, b vendors.Secret }
	for scheme, s := range map[signature.Scheme]pair{
		signature.StandardWebhooks: {secret, other},
		signature.GitHub:           {text, otherText},
		signature.Stripe:           {secret, otherText},
		signature.Token:            {text, otherText},
	} {
		sign := func(key vendors.Secret) http.Header {
			switch scheme {
			case signature.StandardWebhooks:
				return headers("webhook-id", msgID, "webhook-timestamp", sent, "webhook-signature", signStandard(t, key.Reveal(), msgID, sent, []byte(payload)))
			case signature.GitHub:
				return headers("X-Hub-Signature-256", "sha256="+hexMAC(key.Reveal(), payload))
			case signature.Stripe:
				return headers("Stripe-Signature", "t="+sent+",v1="+hexMAC(key.Reveal(), sent, ".", payload))
			default:
				return headers("Authorization", "Bearer "+key.Reveal())
			}
		}
		for name, test := range map[string]struct {
			holds []vendors.Secret
			key   vendors.Secret
			ok    bool
		}{
			"before, by the old one":  {[]vendors.Secret{s.a}, s.a, true},
			"before, by the new one":  {[]vendors.Secret{s.a}, s.b, false},
			"between, by the old one": {[]vendors.Secret{s.a, s.b}, s.a, true},
			"between, by the new one": {[]vendors.Secret{s.a, s.b}, s.b, true},
			"after, by the old one":   {[]vendors.Secret{s.b}, s.a, false},
			"after, by the new one":   {[]vendors.Secret{s.b}, s.b, true},
		} {
			t.Run(string(scheme)+", "+name, func(t *testing.T) {
				_, err := verifier(t, scheme, signature.Options{}, test.holds...).Verify(sign(test.key), []byte(payload))
				if err == nil != test.ok {
					t.Errorf("got %v", err)
				}
			})
		}
	}
}

// No error may tell a secret, nor what was sent, nor which secret was tried.
func TestNothingLeaks(t *testing.T) {
	for _, scheme := range signature.Schemes() {
		key := vendors.Secret(secret)
		o := signature.Options{}
		if scheme == signature.Custom {
			o.Template = &signature.Template{Header: "X-Sig"}
		}
		second := vendors.Secret(other)
		if scheme == signature.Basic {
			key, second = "sns:"+key, "sns:"+second
		}
		v := verifier(t, scheme, o, key, second)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			for _, x := range []any{v, *v} {
				if got := fmt.Sprintf(verb, x); got != "verifier of "+string(scheme) {
					t.Errorf("%s of %T: got %q", verb, x, got)
				}
			}
		}
		h := headers("webhook-id", msgID, "webhook-timestamp", sent, "webhook-signature", "v1,LEAK", "X-Hub-Signature-256", "sha256=LEAK",
			"Stripe-Signature", "t="+sent+",v1=LEAK", "Authorization", "Bearer LEAK")
		_, err := v.Verify(h, []byte("LEAK"))
		if err == nil {
			t.Fatal("got no error")
		}
		for _, part := range []string{"LEAK", key.Reveal(), msgID, "1 of 2"} {
			if strings.Contains(err.Error(), part) {
				t.Errorf("%s: the error tells %q: %v", scheme, part, err)
			}
		}
	}
}

// Verify must not change what it was given.
func TestVerifyLeavesInput(t *testing.T) {
	body := []byte(payload)
	h := headers("webhook-id", msgID, "webhook-timestamp", sent, "webhook-signature", right)
	if _, err := verifier(t, signature.StandardWebhooks, signature.Options{}, secret).Verify(h, body); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(body, []byte(payload)) || len(h) != 3 {
		t.Errorf("got %s, %v", body, h)
	}
}

// TestSecretForms verifies one delivery with a secret in every form that senders show.
func TestSecretForms(t *testing.T) {
	const encoded = "-_8BAgMEBQYHCAkKCwwNDg8QERITFBUWFxg"
	key, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	padded := base64.StdEncoding.EncodeToString(key)
	raw := "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH"
	tests := map[string]struct{ shown, key string }{
		"padded":              {padded, padded},
		"prefix":              {"whsec_" + padded, padded},
		"version and prefix":  {"v1,whsec_" + padded, padded},
		"version":             {"v1," + padded, padded},
		"unpadded":            {"whsec_" + strings.TrimRight(padded, "="), padded},
		"URL-safe":            {"v1,whsec_" + encoded, padded},
		"raw, like base64":    {"raw:" + raw, base64.StdEncoding.EncodeToString([]byte(raw))},
		"raw, with a prefix":  {"raw:whsec_" + padded, base64.StdEncoding.EncodeToString([]byte("whsec_" + padded))},
		"URL-safe and padded": {base64.URLEncoding.EncodeToString(key), padded},
	}
	at := strconv.FormatInt(now(0)().Unix(), 10)
	for name, test := range tests {
		v := verifier(t, signature.StandardWebhooks, signature.Options{}, vendors.Secret(test.shown))
		h := headers("Webhook-Id", "msg_1", "Webhook-Timestamp", at, "Webhook-Signature", signStandard(t, test.key, "msg_1", at, []byte(payload)))
		if _, err := v.Verify(h, []byte(payload)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
