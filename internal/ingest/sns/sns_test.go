package sns_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usherhq/usher/internal/ingest/sns"
)

const path = "/SimpleNotificationService-0123.pem"

// authority serves a certificate as Amazon does, and signs messages by its key.
type authority struct {
	key    *rsa.PrivateKey
	server *httptest.Server
	asked  atomic.Int32
}

func newAuthority(t *testing.T, from, to time.Time) *authority {
	t.Helper()
	a := &authority{}
	var err error
	if a.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: to}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	a.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.asked.Add(1)
		if r.URL.Path != path {
			http.Redirect(w, r, path, http.StatusFound)
			return
		}
		_ = pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: raw})
	}))
	t.Cleanup(a.server.Close)
	return a
}

func (a *authority) host() string { return strings.TrimPrefix(a.server.URL, "https://") }

func (a *authority) checker() *sns.Checker { return sns.New(a.host(), a.server.Client().Transport) }

// notification returns a message, and the signed text by the documentation of Amazon.
func (a *authority) notification() (message map[string]string, text string) {
	message = map[string]string{
		"Type": "Notification", "MessageId": "m1", "TopicArn": "arn:aws:sns:eu-central-1:1:pupils", "Message": `{"type":"pupil.joined"}`,
		"Timestamp": "2026-01-02T03:04:05.000Z", "SignatureVersion": "2", "SigningCertURL": a.server.URL + path,
	}
	return message, "Message\n{\"type\":\"pupil.joined\"}\nMessageId\nm1\nTimestamp\n2026-01-02T03:04:05.000Z\nTopicArn\narn:aws:sns:eu-central-1:1:pupils\nType\nNotification\n"
}

// body signs the text and returns the message.
func (a *authority) body(t *testing.T, message map[string]string, text string) []byte {
	t.Helper()
	hash, sum := crypto.SHA256, sha256.Sum256([]byte(text))
	digest := sum[:]
	if message["SignatureVersion"] == "1" {
		old := sha1.Sum([]byte(text))
		hash, digest = crypto.SHA1, old[:]
	}
	signature, err := rsa.SignPKCS1v15(rand.Reader, a.key, hash, digest)
	if err != nil {
		t.Fatal(err)
	}
	signed := maps.Clone(message)
	signed["Signature"] = base64.StdEncoding.EncodeToString(signature)
	out, err := json.Marshal(signed)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestCheck signs messages by a local authority.
func TestCheck(t *testing.T) {
	valid := newAuthority(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	expired := newAuthority(t, time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour))
	stranger := newAuthority(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	set := func(key, value string) func(map[string]string, string) (map[string]string, string) {
		return func(m map[string]string, text string) (map[string]string, string) { m[key] = value; return m, text }
	}
	for name, c := range map[string]struct {
		signer *authority
		change func(map[string]string, string) (map[string]string, string)
		want   error
	}{
		"version 2":          {valid, set("SignatureVersion", "2"), nil},
		"version 1":          {valid, set("SignatureVersion", "1"), nil},
		"an unknown version": {valid, set("SignatureVersion", "3"), sns.ErrSignature},
		"a subject": {valid, func(m map[string]string, text string) (map[string]string, string) {
			m["Subject"] = "news"
			return m, strings.Replace(text, "Timestamp\n", "Subject\nnews\nTimestamp\n", 1)
		}, nil},
		"a confirmation": {valid, func(m map[string]string, text string) (map[string]string, string) {
			m["Type"], m["SubscribeURL"], m["Token"] = "SubscriptionConfirmation", "https://x", "t"
			text = strings.Replace(text, "Timestamp\n", "SubscribeURL\nhttps://x\nTimestamp\n", 1)
			return m, strings.Replace(strings.Replace(text, "TopicArn\n", "Token\nt\nTopicArn\n", 1), "Type\nNotification", "Type\nSubscriptionConfirmation", 1)
		}, nil},
		"a changed message":             {valid, set("Message", "{}"), sns.ErrSignature},
		"a second name in another case": {valid, set("message", "{}"), nil},
		"a subject that is unsigned":    {valid, set("Subject", "news"), sns.ErrSignature},
		"the key of a stranger":         {stranger, set("SigningCertURL", valid.server.URL+path), sns.ErrSignature},
		"a certificate elsewhere":       {stranger, set("SigningCertURL", stranger.server.URL+path), sns.ErrSignature},
		"plain HTTP":                    {valid, set("SigningCertURL", "http://"+valid.host()+path), sns.ErrSignature},
		"another path":                  {valid, set("SigningCertURL", valid.server.URL+"/x/SimpleNotificationService-1.pem"), sns.ErrSignature},
		"a query":                       {valid, set("SigningCertURL", valid.server.URL+path+"?x"), sns.ErrSignature},
		"a redirect":                    {valid, set("SigningCertURL", valid.server.URL+"/SimpleNotificationService-9.pem"), sns.ErrCertificate},
		"an expired certificate":        {expired, set("SigningCertURL", expired.server.URL+path), sns.ErrSignature},
	} {
		t.Run(name, func(t *testing.T) {
			checker := valid.checker()
			if c.signer == expired {
				checker = expired.checker()
			}
			message, text := valid.notification()
			message, text = c.change(message, text)
			if err := checker.Check(t.Context(), c.signer.body(t, message, text)); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	if stranger.asked.Load() > 0 {
		t.Error("a host was asked that the operator has not named")
	}
}

// TestCertificateIsKept counts the requests for a certificate, and for one that is missing.
func TestCertificateIsKept(t *testing.T) {
	a := newAuthority(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	checker := a.checker()
	message, text := a.notification()
	for range 3 {
		if err := checker.Check(t.Context(), a.body(t, message, text)); err != nil {
			t.Fatal(err)
		}
	}
	message["SigningCertURL"] = a.server.URL + "/SimpleNotificationService-9.pem"
	for range 3 {
		if err := checker.Check(t.Context(), a.body(t, message, text)); !errors.Is(err, sns.ErrCertificate) {
			t.Fatal(err)
		}
	}
	if got := a.asked.Load(); got != 2 {
		t.Errorf("got %d requests, want 2: a certificate is kept, and a failure stops further requests for a while", got)
	}
}
