package keystore

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Erasure is an erasure under way or done: pseudonyms only. It is written before the first key is destroyed and says when
// the last one was, so that one that was cut short is seen, and gone on with.
type Erasure struct {
	ID       string     `json:"id"`
	Subjects []string   `json:"subjects"`
	Basis    string     `json:"basis"`
	By       string     `json:"by"`
	Asked    time.Time  `json:"asked"`
	Done     *time.Time `json:"done,omitempty"`
	// Certified says that the certificate is on its way into the trail for good.
	Certified bool `json:"certified,omitempty"`
}

// Erase destroys the keys of subjects, unless one of them is under a hold (ErrHeld). It returns the erasure, which Finish
// completes.
func (v *Vault) Erase(ctx context.Context, e Erasure) (*Erasure, error) {
	if len(e.Subjects) == 0 || strings.TrimSpace(e.Basis) == "" {
		return nil, errors.New("an erasure needs subjects and a basis")
	}
	for _, s := range e.Subjects {
		if h, err := v.Held(ctx, s); err != nil {
			return nil, err
		} else if h != nil {
			return nil, fmt.Errorf("%s: %w since %s: %s", s, ErrHeld, h.Since.Format(time.DateOnly), h.Reason)
		}
	}
	var chance [6]byte
	_, _ = rand.Read(chance[:])
	e.Asked = v.now().UTC().Truncate(time.Second)
	e.ID, e.Done, e.Certified = e.Asked.Format("20060102t150405z")+"-"+hex.EncodeToString(chance[:]), nil, false
	if err := v.store(ctx, &e); err != nil {
		return nil, err
	}
	return &e, v.goOn(ctx, &e)
}

// goOn destroys what an erasure has not yet destroyed, and looks that nothing can be revealed.
func (v *Vault) goOn(ctx context.Context, e *Erasure) error {
	if e.Done != nil {
		return nil
	}
	for _, s := range e.Subjects {
		if err := v.destroy(ctx, s, e.ID); err != nil {
			return fmt.Errorf("erasure %s is not done, and is gone on with: %w", e.ID, err)
		}
	}
	for _, s := range e.Subjects {
		if _, err := v.Reveal(ctx, s, ""); !errors.Is(err, ErrErased) {
			return fmt.Errorf("erasure %s is not done: %s can still be revealed (%v)", e.ID, s, err)
		}
	}
	now := v.now().UTC().Truncate(time.Second)
	e.Done = &now
	return v.store(ctx, e)
}

// Certify notes that the certificate will get into the trail.
func (v *Vault) Certify(ctx context.Context, e *Erasure) error {
	e.Certified = true
	return v.store(ctx, e)
}

func (v *Vault) store(ctx context.Context, e *Erasure) error {
	return change(ctx, v.files, "erasures/"+e.ID+".json", func(there *Erasure, _ bool) (bool, error) {
		*there = *e
		return true, nil
	})
}

// Open are the erasures that were begun and have no certificate yet.
func (v *Vault) Open(ctx context.Context) ([]*Erasure, error) {
	names, err := v.files.List(ctx, "erasures")
	if err != nil {
		return nil, err
	}
	var open []*Erasure
	for _, name := range names {
		e := &Erasure{}
		if _, err := read(ctx, v.files, name, e); err != nil {
			return nil, err
		}
		if e.ID != "" && !e.Certified {
			open = append(open, e)
		}
	}
	return open, nil
}

// Resume goes on with an erasure that was cut short.
func (v *Vault) Resume(ctx context.Context, e *Erasure) error { return v.goOn(ctx, e) }
