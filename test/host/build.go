package host

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed host.c
var source []byte

// Build compiles the host into dir and returns the program's path. It needs gcc (or $CC) and libc's headers.
func Build(dir string) (string, error) {
	src, out := filepath.Join(dir, "host.c"), filepath.Join(dir, "host")
	if err := os.WriteFile(src, source, 0o600); err != nil {
		return "", fmt.Errorf("build host: %w", err)
	}
	return out, compile("-o", out, src, "-ldl", "-lpthread")
}

// compile runs the C compiler with warnings on; a warning is no failure, so that newer compilers do.
func compile(args ...string) error {
	cc := os.Getenv("CC")
	if cc == "" {
		cc = "gcc"
	}
	cmd := exec.Command(cc, append([]string{"-O2", "-Wall", "-Wextra"}, args...)...)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cc, err, text)
	}
	return nil
}
