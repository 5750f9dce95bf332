// Package keystore keeps what pseudonyms stand for, so that it can be destroyed: an entry a subject (a pseudonym), with a
// data key of the subject's own, wrapped by the organisation's key, and the original, encrypted under the data key (Tink
// AEAD, AES-256-GCM). Records carry the same encrypted original; once the entry is gone, so is every copy's meaning.
//
//	subjects/user.k1.6g1m2v8k0q3t5c7d.json   entry, or, after an erasure, its tombstone
//	holds/user.k1.6g1m2v8k0q3t5c7d.json      legal hold: no erasure while it is there
//	erasures/20261125t180000z-ab12cd.json    what is being, or has been, erased: the certificate's draft
//
// It lies outside of all locks and backups: in a folder on one machine, or in an S3 bucket without lock and versions for
// a fleet. Entries are only ever created if there is none, so that two writers never make two keys for one subject. Losing
// the store loses names, never records.
package keystore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// Files is where a key store lies. Names are relative paths with slashes. Implementations are safe for concurrent use, also
// by several processes or machines.
type Files interface {
	// Create makes a file unless there is one of that name; then it returns that one's content. On return either is durable.
	Create(ctx context.Context, name string, data []byte) (there []byte, err error)
	// Read returns a file and a tag of its content; fs.ErrNotExist without one.
	Read(ctx context.Context, name string) (data []byte, tag string, err error)
	// Replace puts new content in place of that with the tag; ErrChanged if it is another by now. The old content is gone
	// for good when it returns.
	Replace(ctx context.Context, name, tag string, data []byte) error
	// List names the files of a folder, in order.
	List(ctx context.Context, dir string) ([]string, error)
	Close() error
}

// Errors.
var (
	// ErrChanged: somebody else has changed the file meanwhile.
	ErrChanged = errors.New("key store: changed by somebody else meanwhile")
	// ErrErased: the subject was erased.
	ErrErased = errors.New("the subject was erased")
	// ErrHeld: the subject must not be erased.
	ErrHeld = errors.New("the subject is under a legal hold")
)

// Entry of a subject.
type Entry struct {
	Subject string    `json:"subject"`
	Created time.Time `json:"created"`
	// Wrapped is the subject's data key, an encrypted Tink keyset; WrappedBy names the key of the organisation.
	Wrapped   []byte `json:"wrapped,omitempty"`
	WrappedBy string `json:"wrapped_by,omitempty"`
	// Original under the data key.
	Original []byte `json:"original,omitempty"`
	// Erased is when the subject was erased, and by which erasure; key and original are gone then.
	Erased  *time.Time `json:"erased,omitempty"`
	Erasure string     `json:"erasure,omitempty"`
}

// Hold keeps a subject from being erased.
type Hold struct {
	Subject  string     `json:"subject"`
	Reason   string     `json:"reason"`
	By       string     `json:"by"`
	Since    time.Time  `json:"since"`
	Released *time.Time `json:"released,omitempty"`
}

// file is the name of a subject's file in a folder.
func file(dir, subject string) string {
	return dir + "/" + strings.ReplaceAll(subject, ":", ".") + ".json"
}

// read reads a JSON file. The tag is "" without one, and then v is left alone.
func read(ctx context.Context, files Files, name string, v any) (tag string, err error) {
	b, tag, err := files.Read(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return "", fmt.Errorf("key store: %s is damaged: %w", name, err)
	}
	return tag, nil
}

// change reads a JSON file, lets edit change what is in it, and puts it back, again if somebody else was faster. edit is
// told whether there was one, and returns false to leave it.
func change[T any](ctx context.Context, files Files, name string, edit func(v *T, there bool) (bool, error)) error {
	for {
		var v T
		tag, err := read(ctx, files, name, &v)
		if err != nil {
			return err
		}
		if write, err := edit(&v, tag != ""); err != nil || !write {
			return err
		}
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		if tag == "" {
			var there []byte
			if there, err = files.Create(ctx, name, b); err == nil && there != nil {
				err = ErrChanged
			}
		} else {
			err = files.Replace(ctx, name, tag, b)
		}
		if !errors.Is(err, ErrChanged) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}
