package instance

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tinylib/msgp/msgp"
)

// The inbox is a folder in the state folder, in which commands lay events that belong into the trail: only the instance may
// write that. Each is a file of one native event, named by its id, so that one that is taken twice adds nothing.

const inboxDir = "inbox"

// Post lays an event into the inbox. It is durable when Post returns; the running instance takes it within a second, else
// the next one does.
func Post(state, id string, event any) error {
	b, err := json.Marshal(event)
	if err != nil {
		return err
	}
	dir := filepath.Join(state, inboxDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("inbox: %w", err)
	}
	var chance [6]byte
	_, _ = rand.Read(chance[:])
	tmp := filepath.Join(dir, hex.EncodeToString(chance[:])+".tmp")
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("inbox: %w", err)
	}
	_, err = f.Write(append(b, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(tmp, filepath.Join(dir, id+".jsonl"))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("inbox: %w", err), os.Remove(tmp))
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("inbox: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// Posted are the files that wait in the inbox.
func Posted(state string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(state, inboxDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("inbox: %w", err)
	}
	var files []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".jsonl") {
			files = append(files, filepath.Join(state, inboxDir, e.Name()))
		}
	}
	slices.Sort(files)
	return files, nil
}

// takeInbox takes what waits there down the write line. A file goes when it is in the journal.
func (i *Instance) takeInbox() error {
	files, err := Posted(i.config.StateDir)
	if err != nil {
		return err
	}
	for _, file := range files {
		event, err := os.ReadFile(file)
		if err == nil {
			err = i.pipeline.Flush("agent-audit", chunkOf(event, time.Now()))
		}
		if err == nil {
			err = os.Remove(file)
		}
		if err != nil {
			return fmt.Errorf("inbox: %w", err)
		}
	}
	return nil
}

// chunkOf makes a chunk as Fluent Bit would hand it over: [[time, {}], {"log": event}].
func chunkOf(event []byte, at time.Time) []byte {
	b := msgp.AppendArrayHeader(msgp.AppendArrayHeader(nil, 2), 2)
	b = msgp.AppendMapHeader(msgp.AppendInt64(b, at.Unix()), 0)
	return msgp.AppendStringFromBytes(msgp.AppendString(msgp.AppendMapHeader(b, 1), "log"), bytes.TrimSpace(event))
}
