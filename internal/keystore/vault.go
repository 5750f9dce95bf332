package keystore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Vault makes, reads and destroys the entries of a key store. It is safe for concurrent use.
type Vault struct {
	files Files
	keys  *Keys
	now   func() time.Time

	mu   sync.Mutex
	kept map[string]string // by subject: the original as records carry it
}

// NewVault opens a vault in a key store.
func NewVault(files Files, keys *Keys) *Vault {
	return &Vault{files: files, keys: keys, now: time.Now, kept: map[string]string{}}
}

// Close closes the key store.
func (v *Vault) Close() error { return v.files.Close() }

// keepTimeout bounds what a new subject may cost the write line; then the chunk is to be tried again.
const keepTimeout = 20 * time.Second

// maxKept bounds the subjects remembered.
const maxKept = 100_000

// Keep is privacy.Vault's.
func (v *Vault) Keep(subject, original string) (string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if sealed, ok := v.kept[subject]; ok {
		return sealed, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), keepTimeout)
	defer cancel()
	e, err := v.ensure(ctx, subject, original)
	if err != nil {
		return "", err
	}
	if len(v.kept) >= maxKept {
		clear(v.kept)
	}
	v.kept[subject] = string(e.Original)
	return string(e.Original), nil
}

// ensure returns a subject's entry, which it makes unless there is one.
func (v *Vault) ensure(ctx context.Context, subject, original string) (*Entry, error) {
	e := &Entry{}
	if tag, err := read(ctx, v.files, file("subjects", subject), e); err != nil || tag != "" {
		return e, err
	}
	e, err := v.entry(subject, original)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	there, err := v.files.Create(ctx, file("subjects", subject), b)
	if err != nil || there == nil {
		return e, err
	}
	e = &Entry{}
	if err := json.Unmarshal(there, e); err != nil {
		return nil, fmt.Errorf("key store: entry of %s is damaged: %w", subject, err)
	}
	return e, nil
}

// entry makes a data key and encrypts the original under it.
func (v *Vault) entry(subject, original string) (*Entry, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("key store: %w", err)
	}
	e := &Entry{Subject: subject, Created: v.now().UTC().Truncate(time.Second)}
	data, err := aead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("key store: %w", err)
	}
	if e.Original, err = data.Encrypt([]byte(original), []byte(subject)); err != nil {
		return nil, fmt.Errorf("key store: %w", err)
	}
	return e, v.wrap(e, handle)
}

// wrap puts a data key into an entry, under the organisation's current key.
func (v *Vault) wrap(e *Entry, handle *keyset.Handle) error {
	master, err := v.keys.aead("")
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := handle.WriteWithAssociatedData(keyset.NewBinaryWriter(&b), master, []byte(e.Subject)); err != nil {
		return fmt.Errorf("key store: %w", err)
	}
	e.Wrapped, e.WrappedBy = b.Bytes(), v.keys.Current()
	return nil
}

// unwrap takes the data key out of an entry.
func (v *Vault) unwrap(e *Entry) (*keyset.Handle, error) {
	master, err := v.keys.aead(e.WrappedBy)
	if err != nil {
		return nil, err
	}
	h, err := keyset.ReadWithAssociatedData(keyset.NewBinaryReader(bytes.NewReader(e.Wrapped)), master, []byte(e.Subject))
	if err != nil {
		return nil, fmt.Errorf("key store: the key of %s does not unwrap: %w", e.Subject, err)
	}
	return h, nil
}

// Entry is what is known of a subject; nil if nothing.
func (v *Vault) Entry(ctx context.Context, subject string) (*Entry, error) {
	e := &Entry{}
	tag, err := read(ctx, v.files, file("subjects", subject), e)
	if err != nil || tag == "" {
		return nil, err
	}
	return e, nil
}

// Reveal tells what a pseudonym stands for: of sealed, as a record carries it, or of the entry's own original if that is
// "". ErrErased after an erasure.
func (v *Vault) Reveal(ctx context.Context, subject, sealed string) (string, error) {
	e, err := v.Entry(ctx, subject)
	switch {
	case err != nil:
		return "", err
	case e == nil:
		return "", fmt.Errorf("%s is not in the key store", subject)
	case e.Erased != nil:
		return "", fmt.Errorf("%s: %w on %s", subject, ErrErased, e.Erased.Format(time.DateOnly))
	}
	if sealed == "" {
		sealed = string(e.Original)
	}
	h, err := v.unwrap(e)
	if err != nil {
		return "", err
	}
	return decrypt(h, subject, sealed)
}

func decrypt(h *keyset.Handle, subject, sealed string) (string, error) {
	var data tink.AEAD
	data, err := aead.New(h)
	if err != nil {
		return "", fmt.Errorf("key store: %w", err)
	}
	b, err := data.Decrypt([]byte(sealed), []byte(subject))
	if err != nil {
		return "", fmt.Errorf("the original of %s is not under its key: %w", subject, err)
	}
	return string(b), nil
}

// destroy makes a tombstone of a subject's entry, also where there was none. Doing it again changes nothing.
func (v *Vault) destroy(ctx context.Context, subject, erasure string) error {
	err := change(ctx, v.files, file("subjects", subject), func(e *Entry, there bool) (bool, error) {
		if there && e.Erased != nil {
			return false, nil
		}
		now := v.now().UTC().Truncate(time.Second)
		if !there {
			e.Created = now
		}
		*e = Entry{Subject: subject, Created: e.Created, Erased: &now, Erasure: erasure}
		return true, nil
	})
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.kept, subject)
	return err
}

// Subjects gives the entries of all subjects to yield.
func (v *Vault) Subjects(ctx context.Context, yield func(*Entry) error) error {
	names, err := v.files.List(ctx, "subjects")
	if err != nil {
		return err
	}
	for _, name := range names {
		e := &Entry{}
		tag, err := read(ctx, v.files, name, e)
		if err == nil && tag != "" {
			err = yield(e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Hold puts a subject under a legal hold; a reason is needed.
func (v *Vault) Hold(ctx context.Context, h Hold) error {
	if strings.TrimSpace(h.Reason) == "" {
		return errors.New("a legal hold needs a reason")
	}
	h.Since, h.Released = v.now().UTC().Truncate(time.Second), nil
	return change(ctx, v.files, file("holds", h.Subject), func(there *Hold, _ bool) (bool, error) {
		*there = h
		return true, nil
	})
}

// Release ends a hold; false if there was none.
func (v *Vault) Release(ctx context.Context, subject string) (was bool, err error) {
	err = change(ctx, v.files, file("holds", subject), func(h *Hold, there bool) (bool, error) {
		was = there && h.Released == nil
		now := v.now().UTC().Truncate(time.Second)
		h.Released = &now
		return was, nil
	})
	return was, err
}

// Held is the hold that a subject is under; nil if none.
func (v *Vault) Held(ctx context.Context, subject string) (*Hold, error) {
	h := &Hold{}
	tag, err := read(ctx, v.files, file("holds", subject), h)
	if err != nil || tag == "" || h.Released != nil {
		return nil, err
	}
	return h, nil
}
