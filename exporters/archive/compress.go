package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Compressions of objects.
const (
	Gzip = "gzip"
	Zstd = "zstd"
)

// suffixOf a compression's objects; "" if there is no such compression.
func suffixOf(compression string) string {
	switch compression {
	case Gzip, "":
		return gzipSuffix
	case Zstd:
		return zstdSuffix
	}
	return ""
}

// compressor writes one gzip member, or one zstd frame, a block. The same bytes give the same block.
type compressor interface {
	io.WriteCloser
	Reset(w io.Writer)
}

func newCompressor(suffix string) (compressor, error) {
	if suffix == zstdSuffix {
		return zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithZeroFrames(true), zstd.WithWindowSize(4<<20))
	}
	return gzip.NewWriter(io.Discard), nil
}

// maxWindow bounds what a zstd frame may make a reader allocate.
const maxWindow = 8 << 20

// decompress reads an object, or part of one made of whole blocks.
func decompress(name string, data []byte) (io.ReadCloser, error) {
	if strings.HasSuffix(name, zstdSuffix) {
		d, err := zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, errors.New("object cannot be decompressed")
		}
		return d.IOReadCloser(), nil
	}
	zip, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("object cannot be decompressed: %w", err)
	}
	return zip, nil
}
