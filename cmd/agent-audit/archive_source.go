package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/agentaudit/agentaudit/exporters/archive"
	"github.com/agentaudit/agentaudit/exporters/s3"
)

// openArchive opens an archive for reading: s3://BUCKET/PREFIX, dir:DIR or DIR. locks says that it lies where Object Lock
// holds its files.
func openArchive(ctx context.Context, place string) (r archive.Reader, locks bool, err error) {
	if strings.HasPrefix(place, "s3:") {
		p, err := s3.ParseURL(place)
		if err != nil {
			return nil, false, err
		}
		r, err := s3.OpenReader(ctx, p)
		return r, true, err
	}
	dir := strings.TrimPrefix(place, "dir:")
	info, err := os.Stat(dir)
	if err != nil {
		return nil, false, fmt.Errorf("archive: %w", err)
	}
	if !info.IsDir() {
		return nil, false, fmt.Errorf("archive: %s is no folder", dir)
	}
	return archive.FS(os.DirFS(dir)), false, nil
}
