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

// Authority is a certificate authority.
type Authority struct {
	PEM []byte // its certificate

	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

// NewAuthority makes an authority that is valid for a day.
func NewAuthority() (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "agent-audit test authority"},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &Authority{PEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), key: key, cert: cert}, nil
}

// issue makes a key, and a certificate of what the template says, and writes both.
func (a *Authority) issue(template *x509.Certificate, certFile, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o644); err != nil {
		return err
	}
	return os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644)
}

// IssueClient gives a client a certificate, in two new files of a folder.
func (a *Authority) IssueClient(dir string, from, to time.Time) (certFile, keyFile string, err error) {
	certFile, keyFile = filepath.Join(dir, "client.crt"), filepath.Join(dir, "client.key")
	return certFile, keyFile, a.issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "exporter"}, NotBefore: from, NotAfter: to, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, certFile, keyFile)
}

// Certs is the authority of a secured server.
type Certs struct {
	*Authority
	config string // the server's folder of configuration
}

// secure makes an authority and the server's certificate.
func (s *Server) secure(config string) error {
	a, err := NewAuthority()
	if err != nil {
		return err
	}
	s.Certs = &Certs{Authority: a, config: config}
	s.CAFile = filepath.Join(config, "ca.crt")
	if err := os.WriteFile(s.CAFile, a.PEM, 0o644); err != nil {
		return err
	}
	s.trust(a.PEM)
	return s.Certs.Issue(time.Now().Add(-time.Hour), time.Now().Add(12*time.Hour))
}

// Issue gives the server a new certificate; a running server takes it within seconds.
func (c *Certs) Issue(from, to time.Time) error {
	return c.issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "localhost"}, NotBefore: from, NotAfter: to, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, filepath.Join(c.config, "http.crt"), filepath.Join(c.config, "http.key"))
}
