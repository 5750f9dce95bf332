package estest

import (
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

// Certs is a certificate authority of a secured server.
type Certs struct {
	key    *ecdsa.PrivateKey
	cert   *x509.Certificate
	config string // the server's folder of configuration
}

// secure makes an authority and the server's certificate.
func (s *Server) secure(config string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "agent-audit test authority"},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	s.Certs = &Certs{key: key, cert: cert, config: config}
	s.CAFile = filepath.Join(config, "ca.crt")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(s.CAFile, ca, 0o644); err != nil {
		return err
	}
	s.trust(ca)
	return s.Certs.Issue(time.Now().Add(-time.Hour), time.Now().Add(12*time.Hour))
}

// Issue gives the server a new certificate; a running server takes it within seconds.
func (c *Certs) Issue(from, to time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "localhost"}, NotBefore: from, NotAfter: to,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, c.cert, &key.PublicKey, c.key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name  string
		block *pem.Block
	}{
		{"http.key", &pem.Block{Type: "PRIVATE KEY", Bytes: private}},
		{"http.crt", &pem.Block{Type: "CERTIFICATE", Bytes: der}},
	} {
		if err := os.WriteFile(filepath.Join(c.config, f.name), pem.EncodeToMemory(f.block), 0o644); err != nil {
			return err
		}
	}
	return nil
}
