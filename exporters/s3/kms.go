package s3

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"golang.org/x/mod/sumdb/note"

	"github.com/agentaudit/agentaudit/exporters"
	"github.com/agentaudit/agentaudit/exporters/archive"
)

// kmsTimeout bounds one signature.
const kmsTimeout = 30 * time.Second

// kmsSigner signs with an Ed25519 key in AWS KMS (key spec ECC_NIST_EDWARDS25519, algorithm ED25519_SHA_512): the same
// signatures as those of a key file, but nobody has the key.
type kmsSigner struct {
	note.Verifier
	client *kms.Client
	id     string
}

// openKMS reads the public key. Rights: kms:GetPublicKey and kms:Sign. The endpoint is AWS's, or AWS_ENDPOINT_URL_KMS.
func openKMS(ctx context.Context, c *settings) (*archive.Key, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	config, err := load(ctx, c.Region, "")
	if err != nil {
		return nil, err
	}
	client := kms.NewFromConfig(config)
	out, err := client.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: &c.KeyKMS})
	if err != nil {
		return nil, fmt.Errorf("s3: read the public key of KMS key %s (right kms:GetPublicKey): %w", c.KeyKMS, err)
	}
	parsed, err := x509.ParsePKIXPublicKey(out.PublicKey)
	public, ok := parsed.(ed25519.PublicKey)
	if err != nil || !ok {
		return nil, exporters.Permanent(fmt.Errorf("s3: KMS key %s is no Ed25519 key: make one with key spec ECC_NIST_EDWARDS25519 and key usage SIGN_VERIFY", c.KeyKMS))
	}
	name := c.Origin
	if name == "" {
		name = "agent-audit"
	}
	vkey, err := note.NewEd25519VerifierKey(name, public)
	if err != nil {
		return nil, exporters.Permanent(err)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, exporters.Permanent(err)
	}
	return &archive.Key{Signer: &kmsSigner{Verifier: v, client: client, id: c.KeyKMS}, Public: vkey}, nil
}

// Sign signs a message of up to 4096 bytes, as checkpoints are.
func (k *kmsSigner) Sign(msg []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), kmsTimeout)
	defer cancel()
	out, err := k.client.Sign(ctx, &kms.SignInput{
		KeyId: &k.id, Message: msg, MessageType: types.MessageTypeRaw, SigningAlgorithm: types.SigningAlgorithmSpecEd25519Sha512,
	})
	if err != nil {
		return nil, fmt.Errorf("s3: sign with KMS key %s (right kms:Sign): %w", k.id, err)
	}
	if !k.Verify(msg, out.Signature) {
		return nil, errors.New("s3: KMS answered with a signature that does not verify")
	}
	return out.Signature, nil
}
