package estest

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// findJava returns the home of the oldest Java that is new enough and has the tools named.
func findJava(oldest int, tools ...string) (string, error) {
	candidates := []string{os.Getenv("JAVA_HOME")}
	if path, err := exec.LookPath("java"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			candidates = append(candidates, filepath.Dir(filepath.Dir(path)))
		}
	}
	installed, _ := filepath.Glob("/usr/lib/jvm/*")
	best, bestVersion := "", 0
	for _, home := range append(candidates, installed...) {
		v := javaVersion(home)
		if v >= oldest && (best == "" || v < bestVersion) && hasTools(home, tools) {
			best, bestVersion = home, v
		}
	}
	if best == "" {
		return "", fmt.Errorf("no JDK of version %d or newer was found in JAVA_HOME, on PATH or in /usr/lib/jvm, which the test servers need "+
			"(Debian: apt-get install openjdk-%d-jdk-headless)", oldest, oldest)
	}
	return best, nil
}

// javaVersion reads the major version from a JDK's release file; 0 if home is none.
func javaVersion(home string) int {
	f, err := os.Open(filepath.Join(home, "release"))
	if home == "" || err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if v, ok := strings.CutPrefix(lines.Text(), `JAVA_VERSION="`); ok {
			major, _, _ := strings.Cut(strings.TrimSuffix(v, `"`), ".")
			n, _ := strconv.Atoi(major)
			return n
		}
	}
	return 0
}

func hasTools(home string, tools []string) bool {
	for _, t := range append(tools, "java") {
		if _, err := os.Stat(filepath.Join(home, "bin", t)); err != nil {
			return false
		}
	}
	return true
}
