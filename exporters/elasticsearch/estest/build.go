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

// distribution is a server of one version, and what it is made of.
type distribution struct {
	name, version string
	recipe        string            // Maven project that downloads it
	java          int               // oldest that runs it
	modules       map[string]string // modules that are published beside it: class by folder
	standIn       string            // folder of the stand-in plugin's part for this version, "" for a server that needs none
}

var (
	elasticsearch8 = distribution{
		name: "elasticsearch", version: ElasticsearchVersion, recipe: "elasticsearch.xml", java: 17, standIn: "standin8",
		modules: map[string]string{
			"x-pack-esql":    "org.elasticsearch.xpack.esql.plugin.EsqlPlugin",
			"x-pack-kql":     "org.elasticsearch.xpack.kql.KqlPlugin",
			"mapper-version": "org.elasticsearch.xpack.versionfield.VersionFieldPlugin",
		},
	}
	elasticsearch9 = distribution{
		name: "elasticsearch", version: Elasticsearch9Version, recipe: "elasticsearch9.xml", java: 21, standIn: "standin9",
		modules: map[string]string{
			"x-pack-kql":     "org.elasticsearch.xpack.kql.KqlPlugin",
			"mapper-version": "org.elasticsearch.xpack.versionfield.VersionFieldPlugin",
		},
	}
	openSearch = distribution{name: "opensearch", version: OpenSearchVersion, recipe: "opensearch.xml", java: 21}
)

// finish adds what the download has not: descriptions of modules, and the stand-in plugin.
func (d *distribution) finish(home, source string) error {
	for folder, class := range d.modules {
		if err := d.describe(home, folder, class); err != nil {
			return err
		}
	}
	if d.standIn == "" {
		return nil
	}
	if err := d.describe(home, "stand-in", "standin.StandInPlugin"); err != nil {
		return err
	}
	return d.compile(home, source)
}

// build downloads a server with Maven and finishes it, unless it is in the cache. Several processes may do so at once.
func (d *distribution) build() (home string, err error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(cache, d.name+".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	server := d.name + "-" + d.version
	done := filepath.Join(cache, server+"-"+recipeHash())
	home = filepath.Join(done, server)
	if _, err := os.Stat(done); err == nil {
		return home, nil
	}
	temp, err := os.MkdirTemp(cache, d.name+"-building-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temp)
	if err := d.download(temp); err != nil {
		return "", err
	}
	if err := d.finish(filepath.Join(temp, server), filepath.Join(temp, "recipe")); err != nil {
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
func (d *distribution) download(dir string) error {
	if err := os.CopyFS(dir, recipe); err != nil {
		return err
	}
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return fmt.Errorf("%s for tests comes from Maven Central, and mvn is not on PATH (Debian: apt-get install maven)", d.name)
	}
	cmd := exec.Command(mvn, "-q", "-B", "-f", filepath.Join(dir, "recipe", d.recipe), "-Dserver="+d.version, "-Dout="+dir, "process-resources")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("download %s %s: %w\n%s", d.name, d.version, err, out)
	}
	return nil
}

// describe tells the server of a module.
func (d *distribution) describe(home, name, class string) error {
	dir := filepath.Join(home, "modules", name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	text := fmt.Sprintf("name=%s\ndescription=%s\nversion=%s\nelasticsearch.version=%s\njava.version=%d\nclassname=%s\nextended.plugins=x-pack-core\n",
		name, name, d.version, d.version, d.java, class)
	return os.WriteFile(filepath.Join(dir, "plugin-descriptor.properties"), []byte(text), 0o644)
}

// compile makes the stand-in plugin of what all versions share and of the version's own part.
func (d *distribution) compile(home, source string) error {
	java, err := findJava(d.java, "javac", "jar")
	if err != nil {
		return err
	}
	var sources []string
	for _, folder := range []string{"standin", d.standIn} {
		found, err := filepath.Glob(filepath.Join(source, folder, "*.java"))
		if err != nil {
			return err
		}
		sources = append(sources, found...)
	}
	classes := filepath.Join(source, "classes")
	classpath := filepath.Join(home, "lib", "*") + ":" + filepath.Join(home, "modules", "x-pack-core", "*")
	args := append([]string{"--release", fmt.Sprint(d.java), "-nowarn", "-cp", classpath, "-d", classes}, sources...)
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
