package s3

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/archive"
	"github.com/agentaudit/agentaudit/exporters/exportertest"
	"github.com/agentaudit/agentaudit/exporters/s3/s3test"
)

// fakeKMS answers GetPublicKey and Sign as AWS KMS does. fail, when set, is an error that it answers to Sign once.
type fakeKMS struct {
	public  any
	private ed25519.PrivateKey
	fail    atomic.Value
	signed  atomic.Int64
}

func (k *fakeKMS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Message                       []byte
		MessageType, SigningAlgorithm string
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if fail, _ := k.fail.Swap("").(string); fail != "" {
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": fail, "message": "as the test wants"})
		return
	}
	switch op := r.Header.Get("X-Amz-Target"); {
	case op == "TrentService.GetPublicKey":
		der, _ := x509.MarshalPKIXPublicKey(k.public)
		_ = json.NewEncoder(w).Encode(map[string]any{"PublicKey": der, "KeySpec": "ECC_NIST_EDWARDS25519"})
	case op == "TrentService.Sign" && in.MessageType == "RAW" && in.SigningAlgorithm == "ED25519_SHA_512":
		k.signed.Add(1)
		_ = json.NewEncoder(w).Encode(map[string]any{"Signature": ed25519.Sign(k.private, in.Message)})
	default:
		w.WriteHeader(http.StatusBadRequest)
	}
}

func newKMS(t *testing.T, k *fakeKMS) {
	t.Helper()
	server := httptest.NewServer(k)
	t.Cleanup(server.Close)
	t.Setenv("AWS_ENDPOINT_URL_KMS", server.URL)
}

// An archive that KMS signs is verified like any other, and a throttled signature is tried again.
func TestKMS(t *testing.T) {
	k := newKit(t, s3test.MinIO(t), false)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	kms := &fakeKMS{public: public, private: private}
	newKMS(t, kms)
	e, err := Open(t.Context(), k.settings(map[string]any{"key_kms": "alias/audit", "key_file": ""}))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	kms.fail.Store("AccessDeniedException")
	batch := exportertest.Batch("s", exportertest.Records("s", 0, 5))
	if _, _, err := e.Export(t.Context(), batch); err == nil || exporters.IsPermanent(err) || !strings.Contains(err.Error(), "kms:Sign") {
		t.Errorf("a signature that is denied: %v", err)
	}
	if _, _, err := e.Export(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	if kms.signed.Load() != 1 {
		t.Errorf("%d signatures", kms.signed.Load())
	}
	keys, err := archive.ReadKeys(t.Context(), k.reader())
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	v, err := note.NewVerifier(strings.TrimSpace(keys[0].Text))
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := archive.ReadManifest(t.Context(), k.reader(), "s", 0)
	if err != nil {
		t.Fatal(err)
	}
	c, err := archive.ParseCheckpoint(m.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Verify(note.VerifierList(v)); err != nil {
		t.Error(err)
	}
	if got, err := k.stored(t.Context(), "s"); err != nil || len(got) != 5 || !bytes.Equal(got[4].JSON, batch.Records[4].JSON) {
		t.Error(len(got), err)
	}
}

func TestKMSRefused(t *testing.T) {
	k := newKit(t, s3test.MinIO(t), false)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	newKMS(t, &fakeKMS{public: &other.PublicKey})
	if _, err := Open(t.Context(), k.settings(map[string]any{"key_kms": "alias/audit", "key_file": ""})); !exporters.IsPermanent(err) || !strings.Contains(err.Error(), "no Ed25519 key") {
		t.Errorf("a key of another kind: %v", err)
	}
}
