package chaos

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Files of a run: an authority that signs one certificate for the server and all clients.
const caFile, certFile, keyFile = "ca.pem", "cert.pem", "key.pem"

// certify writes a new authority, and a certificate of the authority.
func (s Shape) certify(dir string) error {
	if s.Life == 0 {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	now := time.Now()
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "chaos"}, NotBefore: now.Add(-time.Second), NotAfter: now.Add(s.Life),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano() + 1), Subject: pkix.Name{CommonName: "usher"}, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for name, template := range map[string]*x509.Certificate{caFile: ca, certFile: leaf} {
		der, err := x509.CreateCertificate(rand.Reader, template, ca, &key.PublicKey, key)
		if err != nil {
			return err
		}
		if err := replace(filepath.Join(dir, name), &pem.Block{Type: "CERTIFICATE", Bytes: der}); err != nil {
			return err
		}
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return replace(filepath.Join(dir, keyFile), &pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

// replace writes a file at once, as renewing programs do.
func replace(file string, block *pem.Block) error {
	if err := os.WriteFile(file+".new", pem.EncodeToMemory(block), 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// renew renews the certificates periodically until ctx ends. The channel has the error, once.
func (w *world) renew(ctx context.Context) <-chan error {
	ended := make(chan error, 1)
	s := w.config.Shape
	if s.Renew == 0 {
		ended <- nil
		return ended
	}
	go func() { ended <- w.renewals(ctx) }()
	return ended
}

func (w *world) renewals(ctx context.Context) error {
	ticker := time.NewTicker(w.config.Shape.Renew)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := w.config.Shape.certify(w.config.Dir); err != nil {
				return err
			}
			for _, n := range w.nodes {
				n.reload()
			}
		}
	}
}
