package instance

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// findBinary finds the agent-audit program: where the configuration says, in this program's own place when it is
// agent-audit, beside the plugin's file, else on PATH.
func findBinary(configured string) (string, error) {
	if configured != "" {
		p, err := exec.LookPath(configured)
		if err != nil {
			return "", fmt.Errorf("binary: %w", err)
		}
		return filepath.Abs(p)
	}
	if exe, err := os.Executable(); err == nil && filepath.Base(exe) == "agent-audit" {
		return exe, nil
	}
	if so := pluginFile(); so != "" {
		beside := filepath.Join(filepath.Dir(so), "agent-audit")
		if p, err := exec.LookPath(beside); err == nil {
			return p, nil
		}
	}
	p, err := exec.LookPath("agent-audit")
	if err != nil {
		return "", fmt.Errorf("the program agent-audit was found neither beside the plugin nor on PATH: set binary to its path")
	}
	return filepath.Abs(p)
}

// pluginFile is the path of the shared object this code was loaded from, "" when it is none.
func pluginFile() string {
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return ""
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if _, path, ok := strings.Cut(s.Text(), "/"); ok && strings.HasSuffix(path, "agent_audit.so") {
			return "/" + path
		}
	}
	return ""
}
