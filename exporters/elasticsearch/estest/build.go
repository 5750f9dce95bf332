package estest

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// recipe is what a server is made by: Maven projects that download it, and the source of the stand-in plugin.
//
//go:embed recipe
var recipe embed.FS

// cacheDir is where built servers are kept: $AGENT_AUDIT_TEST_CACHE, else the user's cache folder. Root's is closed to
// the account that servers run as, hence /var/cache.
func cacheDir() (string, error) {
	if dir := os.Getenv("AGENT_AUDIT_TEST_CACHE"); dir != "" {
		return dir, nil
	}
	if os.Getuid() == 0 {
		return "/var/cache/agent-audit-test", nil
	}
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "agent-audit-test"), err
}

// buildElasticsearch returns the folder of a server ready to run.
func buildElasticsearch() (string, error) {
	return build("elasticsearch", ElasticsearchVersion, func(home, source string) error {
		for name, class := range map[string]string{
			"x-pack-esql":    "org.elasticsearch.xpack.esql.plugin.EsqlPlugin",
			"x-pack-kql":     "org.elasticsearch.xpack.kql.KqlPlugin",
			"mapper-version": "org.elasticsearch.xpack.versionfield.VersionFieldPlugin",
			"stand-in":       "standin.StandInPlugin",
		} {
			if err := describe(filepath.Join(home, "modules", name), name, class); err != nil {
				return err
			}
		}
		return compile(home, filepath.Join(source, "standin"))
	})
}

// buildOpenSearch returns the folder of a server ready to run.
func buildOpenSearch() (string, error) {
	return build("opensearch", OpenSearchVersion, func(string, string) error { return nil })
}

// build downloads a server with Maven and finishes it, unless it is in the cache. Several processes may do so at once.
func build(name, version string, finish func(home, source string) error) (string, error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(cache, name+".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	done := filepath.Join(cache, name+"-"+version+"-"+recipeHash())
	home := filepath.Join(done, name+"-"+version)
	if _, err := os.Stat(done); err == nil {
		return home, nil
	}
	temp, err := os.MkdirTemp(cache, name+"-building-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temp)
	if err := download(name, version, temp); err != nil {
		return "", err
	}
	if err := finish(filepath.Join(temp, name+"-"+version), filepath.Join(temp, "recipe")); err != nil {
		return "", err
	}
	if err := makeReadable(temp); err != nil {
		return "", err
	}
	return home, os.Rename(temp, done)
}

// recipeHash changes with the recipe, so that a changed one is built anew.
func recipeHash() string {
	h := sha256.New()
	_ = fs.WalkDir(recipe, "recipe", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			b, _ := recipe.ReadFile(path)
			fmt.Fprintf(h, "%s %d\n%s", path, len(b), b)
		}
		return nil
	})
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// download lays out the recipe in a folder and has Maven put the server beside it. Maven goes by its own settings:
// mirrors, proxies and credentials of this machine are its business.
func download(name, version, dir string) error {
	if err := os.CopyFS(dir, recipe); err != nil {
		return err
	}
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return fmt.Errorf("%s for tests comes from Maven Central, and mvn is not on PATH (Debian: apt-get install maven)", name)
	}
	cmd := exec.Command(mvn, "-q", "-B", "-f", filepath.Join(dir, "recipe", name+".xml"), "-Dserver="+version, "-Dout="+dir, "process-resources")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("download %s %s: %w\n%s", name, version, err, out)
	}
	return nil
}

func describe(dir, name, class string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	text := fmt.Sprintf("name=%s\ndescription=%s\nversion=%s\nelasticsearch.version=%s\njava.version=17\nclassname=%s\nextended.plugins=x-pack-core\n",
		name, name, ElasticsearchVersion, ElasticsearchVersion, class)
	return os.WriteFile(filepath.Join(dir, "plugin-descriptor.properties"), []byte(text), 0o644)
}

// compile makes the stand-in plugin.
func compile(home, source string) error {
	java, err := findJava(elasticsearchJava, "javac", "jar")
	if err != nil {
		return err
	}
	sources, err := filepath.Glob(filepath.Join(source, "*.java"))
	if err != nil {
		return err
	}
	classes := filepath.Join(source, "classes")
	classpath := filepath.Join(home, "lib", "*") + ":" + filepath.Join(home, "modules", "x-pack-core", "*")
	args := append([]string{"--release", "17", "-nowarn", "-cp", classpath, "-d", classes}, sources...)
	if out, err := exec.Command(filepath.Join(java, "bin", "javac"), args...).CombinedOutput(); err != nil {
		return fmt.Errorf("compile stand-in plugin: %w\n%s", err, out)
	}
	jar := filepath.Join(home, "modules", "stand-in", "stand-in.jar")
	if out, err := exec.Command(filepath.Join(java, "bin", "jar"), "cf", jar, "-C", classes, ".").CombinedOutput(); err != nil {
		return fmt.Errorf("pack stand-in plugin: %w\n%s", err, out)
	}
	return nil
}

// makeReadable lets the account that servers run as read the server, and run its programs.
func makeReadable(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if in := filepath.Base(filepath.Dir(path)); d.IsDir() || in == "bin" || strings.HasSuffix(path, ".sh") {
			mode = 0o755
		}
		return os.Chmod(path, mode)
	})
}
