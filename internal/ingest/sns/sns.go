// Package sns verifies the signatures of messages of Amazon SNS by the certificate named in a
// message. The certificate comes from one host, named by the operator.
package sns

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // G505: version 1 of SNS
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

var (
	// ErrSignature means that a message has no signature by a certificate of the host.
	ErrSignature = errors.New("no signature of Amazon SNS by a certificate of the host in sns_host")
	// ErrCertificate means that the certificate cannot be fetched now.
	ErrCertificate = errors.New("the certificate of Amazon SNS cannot be fetched")
)

const (
	fetchTimeout    = 5 * time.Second
	certificateSize = 64 << 10
	mostCached      = 8
	failedFor       = 10 * time.Second // before the next request, to any address
)

// Checker verifies messages. A Checker is safe for concurrent use.
type Checker struct {
	host   string
	client *http.Client

	mu     sync.Mutex // held during a request: one at a time
	cached map[string]*x509.Certificate
	failed time.Time // of the last request without a certificate
}

// New returns a Checker for certificates from a host. The transport makes the requests; nil: the
// default. Redirects are not followed.
func New(host string, transport http.RoundTripper) *Checker {
	return &Checker{host: host, cached: map[string]*x509.Certificate{}, client: &http.Client{
		Transport: transport, Timeout: fetchTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// message is a message of SNS. Names of members are compared exactly: the mapping reads the same
// members.
type message map[string]any

// text returns a member, empty unless the member is a text.
func (m message) text(name string) string {
	text, _ := m[name].(string)
	return text
}

// Check returns ErrSignature or ErrCertificate unless the body is a signed message.
func (c *Checker) Check(ctx context.Context, body []byte) error {
	var m message
	if err := json.Unmarshal(body, &m); err != nil {
		return fmt.Errorf("%w: the body is no message", ErrSignature)
	}
	version, address := m.text("SignatureVersion"), m.text("SigningCertURL")
	signature, err := base64.StdEncoding.DecodeString(m.text("Signature"))
	if err != nil || (version != "1" && version != "2") || !c.mayFetch(address) {
		return fmt.Errorf("%w: SignatureVersion, Signature or SigningCertURL is not usable", ErrSignature)
	}
	certificate, err := c.certificate(ctx, address)
	if err != nil {
		return err
	}
	if now := time.Now(); now.Before(certificate.NotBefore) || now.After(certificate.NotAfter) {
		return fmt.Errorf("%w: the certificate is not valid now", ErrSignature)
	}
	if err := checkSignature(certificate, version, []byte(m.signed()), signature); err != nil {
		return fmt.Errorf("%w: the signature does not fit", ErrSignature)
	}
	return nil
}

// signed returns the signed text: names and values of the members in the order of the alphabet.
func (m message) signed() string {
	names := []string{"Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"}
	if m.text("Type") == "Notification" {
		names = []string{"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"}
	}
	var b strings.Builder
	for _, name := range names {
		if name != "Subject" || m.text(name) != "" { // a message without a subject signs none
			b.WriteString(name + "\n" + m.text(name) + "\n")
		}
	}
	return b.String()
}

// checkSignature is x509.Certificate.CheckSignature with SHA-1 too, the digest of version 1.
func checkSignature(certificate *x509.Certificate, version string, text, signature []byte) error {
	key, ok := certificate.PublicKey.(*rsa.PublicKey)
	if !ok {
		return ErrSignature
	}
	if version == "1" {
		sum := sha1.Sum(text) //nolint:gosec // G401: version 1 of SNS
		return rsa.VerifyPKCS1v15(key, crypto.SHA1, sum[:], signature)
	}
	sum := sha256.Sum256(text)
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature)
}

// mayFetch reports whether an address is a certificate of the host.
func (c *Checker) mayFetch(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "https" && u.Host == c.host && u.User == nil && u.RawQuery == "" && u.Fragment == "" &&
		strings.HasPrefix(u.Path, "/SimpleNotificationService-") && strings.HasSuffix(u.Path, ".pem") && strings.Count(u.Path, "/") == 1
}

// certificate returns the certificate of an address, and keeps a few.
func (c *Checker) certificate(ctx context.Context, address string) (*x509.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.cached[address]; known != nil {
		return known, nil
	}
	if time.Since(c.failed) < failedFor {
		return nil, ErrCertificate
	}
	found, err := c.fetch(ctx, address)
	if err != nil {
		c.failed = time.Now()
		return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	if len(c.cached) >= mostCached {
		clear(c.cached)
	}
	c.cached[address] = found
	return found, nil
}

func (c *Checker) fetch(ctx context.Context, address string) (*x509.Certificate, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	res, err := c.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, certificateSize))
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if res.StatusCode != http.StatusOK || block == nil {
		return nil, fmt.Errorf("status %d without a certificate", res.StatusCode)
	}
	return x509.ParseCertificate(block.Bytes)
}
