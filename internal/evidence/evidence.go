// Package evidence makes and checks a small folder that proves single records of an archive to somebody who does not have
// the archive, and should not: only the public key.
//
//	records.ndjson    the records: canonical JSON, one a line
//	evidence.json     for each line, its place and inclusion proof; the signed checkpoints that the proofs end in
//	agent-audit-*.pub the public keys that signed them, to compare with those that the reader has from elsewhere
//	README.txt        how to check it
//
// A record is proved when its line's leaf hash, SHA-256(0x00 ‖ line), leads by its path to the root of a checkpoint
// (RFC 6962, 2.1.1), and the checkpoint is signed. Nothing else of the archive is in the folder: no manifest, which would
// tell of other sessions. What it does not prove is that there are no more records of that session.
package evidence

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/agentaudit/agentaudit/exporters/archive"
	"github.com/agentaudit/agentaudit/schema/merkle"
	"github.com/agentaudit/agentaudit/schema/value"
)

// Names of the files.
const (
	RecordsFile  = "records.ndjson"
	EvidenceFile = "evidence.json"
	ReadmeFile   = "README.txt"
)

// Version of evidence.json.
const Version = 1

// Evidence is evidence.json.
type Evidence struct {
	Version     int      `json:"version"`
	Checkpoints []string `json:"checkpoints"` // signed notes
	Records     []Proof  `json:"records"`     // one a line of records.ndjson, in order
}

// Proof is one record's.
type Proof struct {
	Stream     string   `json:"stream"`
	Sequence   uint64   `json:"sequence"`
	Checkpoint int      `json:"checkpoint"` // index
	Path       []string `json:"path"`       // base64, from the leaf up
}

// Problem is something wrong with the evidence.
type Problem struct {
	Line int // of records.ndjson, from 1; 0 for the whole
	Text string
}

// Result of a check.
type Result struct {
	Records  int
	Problems []Problem
	// Signed are the checkpoints that hold, by one of the keys.
	Signed []*archive.Checkpoint
}

// Check checks the evidence in a folder with public keys. The error is for what cannot be read at all.
func Check(fsys fs.FS, keys note.Verifiers) (*Result, error) {
	data, err := fs.ReadFile(fsys, EvidenceFile)
	if err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	var e Evidence
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil || e.Version != Version {
		return nil, fmt.Errorf("evidence: %s is not of version %d", EvidenceFile, Version)
	}
	text, err := fs.ReadFile(fsys, RecordsFile)
	if err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	c := &checker{result: &Result{}}
	c.checkpoints(e.Checkpoints, keys)
	lines := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	if len(text) == 0 {
		lines = nil
	}
	if len(lines) != len(e.Records) || len(lines) == 0 {
		c.problem(0, "there are %d records and %d proofs", len(lines), len(e.Records))
	}
	for i := range min(len(lines), len(e.Records)) {
		c.record(i+1, lines[i], &e.Records[i])
	}
	return c.result, nil
}

type checker struct {
	result *Result
	notes  []*archive.Checkpoint // nil where one does not hold
}

func (c *checker) problem(line int, format string, args ...any) {
	c.result.Problems = append(c.result.Problems, Problem{Line: line, Text: fmt.Sprintf(format, args...)})
}

func (c *checker) checkpoints(notes []string, keys note.Verifiers) {
	for i, text := range notes {
		p, err := archive.ParseCheckpoint(text)
		if err == nil {
			err = p.Verify(keys)
		}
		if err != nil {
			c.problem(0, "checkpoint %d: %v", i, err)
			p = nil
		} else {
			c.result.Signed = append(c.result.Signed, p)
		}
		c.notes = append(c.notes, p)
	}
}

// record checks one line.
func (c *checker) record(line int, data []byte, p *Proof) {
	if p.Checkpoint < 0 || p.Checkpoint >= len(c.notes) {
		c.problem(line, "the proof names no checkpoint")
		return
	}
	head := c.notes[p.Checkpoint]
	if head == nil {
		c.problem(line, "the proof ends in a checkpoint that does not hold")
		return
	}
	if !strings.HasSuffix(head.Origin, "/"+p.Stream) || p.Sequence >= head.Size {
		c.problem(line, "the proof ends in a checkpoint of another stream or of fewer records")
		return
	}
	path, err := decodePath(p.Path)
	if err == nil {
		err = tlog.CheckRecord(path, int64(head.Size), head.Root, int64(p.Sequence), merkle.LeafHash(data))
	}
	if err != nil {
		c.problem(line, "the record is not the one that was signed as record %d of stream %s", p.Sequence, p.Stream)
		return
	}
	var doc value.Doc
	if _, err := archive.CheckDocument(&doc, p.Stream, p.Sequence, data); err != nil {
		c.problem(line, "%v", err)
		return
	}
	c.result.Records++
}

func decodePath(texts []string) (tlog.RecordProof, error) {
	var path tlog.RecordProof
	for _, t := range texts {
		b, err := base64.StdEncoding.Strict().DecodeString(t)
		if err != nil || len(b) != tlog.HashSize {
			return nil, errors.New("path is none")
		}
		path = append(path, tlog.Hash(b))
	}
	return path, nil
}
