package fluentbit

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// service checks what holds for all of Fluent Bit.
func (c *Config) service() {
	if e := c.Service("daemon"); e != nil && On(e.Value) {
		c.find(Error, e.Pos, "daemon is on", "Fluent Bit forks after it has loaded the plugin, and no Go plugin survives that", c.setting("daemon", "off")+", and let systemd or a container run it")
	}
	if e := c.Service("storage.keep.rejected"); e != nil && On(e.Value) {
		c.find(Warning, e.Pos, "storage.keep.rejected is on", "chunks that are given up stay on disk as they were read, with the secrets in them", c.setting("storage.keep.rejected", "off"))
	}
	if e := c.Service("storage.checksum"); e != nil && On(e.Value) {
		c.find(Warning, e.Pos, "storage.checksum is on", "it was seen to lose a chunk for good after a crash", c.setting("storage.checksum", "off"))
	}
	e := c.Service("coro_stack_size")
	switch {
	case e == nil:
		c.find(Note, Pos{File: c.root}, "coro_stack_size is not set", "before Fluent Bit 5.1 it is 24 KiB, too little for a Go plugin", "on an older Fluent Bit, in the service section: "+c.setting("coro_stack_size", "65536"))
	case !Symbolic(e.Value):
		if n, ok := Bytes(e.Value); ok && n < 65536 {
			c.find(Warning, e.Pos, "coro_stack_size is "+e.Value, "a Go plugin needs 64 KiB, or Fluent Bit may crash", c.setting("coro_stack_size", "65536"))
		}
	}
}

// plugin looks for the entry that loads the plugin.
func (c *Config) plugin() {
	where := Pos{File: c.root}
	for _, s := range c.All("plugins") {
		where = s.Pos
		for _, e := range s.Entries {
			if e.Key == "path" && (Symbolic(e.Value) || strings.HasSuffix(e.Value, Object) || strings.Contains(e.Value, Name)) {
				return
			}
		}
	}
	fix := "plugins: [/usr/lib/fluent-bit/" + Object + "] at the top of the file, or fluent-bit -e /usr/lib/fluent-bit/" + Object
	if c.classic {
		fix = "a plugins_file in [SERVICE] with [PLUGINS] and Path /usr/lib/fluent-bit/" + Object + ", or fluent-bit -e …/" + Object
	}
	c.find(Warning, where, "nothing loads "+Object, `unless it is given on the command line, Fluent Bit does not know the output "`+Name+`" and does not start`, fix)
}

// inputs checks the inputs whose records may reach one of our outputs.
func (c *Config) inputs(ours []*Section) {
	counts := map[string]int{}
	feeding := 0
	for _, in := range c.All("input") {
		number := counts[in.Value("name")]
		counts[in.Value("name")]++
		if !slices.ContainsFunc(ours, func(o *Section) bool { return c.mayFeed(in, number, o) }) {
			continue
		}
		feeding++
		c.storage(in)
		if in.Value("name") == "tail" {
			c.tail(in)
		}
		if p := in.Value("parser"); p != "" {
			c.parser(in, p)
		}
	}
	if feeding == 0 {
		c.find(Warning, ours[0].At("match"), "no input's tag matches", "nothing would be audited", "give the input that reads the agents' logs a tag that match covers")
	}
}

// storage finds chunks on disk: they are as read, before anything is scrubbed.
func (c *Config) storage(in *Section) {
	if !strings.EqualFold(in.Value("storage.type"), "filesystem") {
		return
	}
	path := ""
	if e := c.Service("storage.path"); e != nil {
		path = e.Value
	}
	if strings.HasPrefix(path, "/dev/shm") || strings.HasPrefix(path, "/run/") {
		return
	}
	c.find(Warning, in.At("storage.type"), in.Label()+" keeps its chunks in "+firstOf(path, "storage.path"),
		"these are the logs as they were read: secrets lie on disk until the chunk is delivered", c.setting("storage.path", "/run/fluent-bit")+", or another folder on tmpfs; or "+c.setting("storage.type", "memory"))
}

// leastBuffer is what buffer_max_size should be: agents write whole files and outputs into one line.
const leastBuffer = 8_000_000

// Names under which paths and offsets are understood (schema/convert/envelope.go).
var (
	pathKeys   = []string{"path", "filename", "file_path", "file", "log_path", "source_path", "log.file.path"}
	offsetKeys = []string{"offset", "pos", "log.offset"}
)

// tail checks an input that follows files.
func (c *Config) tail(in *Section) {
	c.identity(in, "path_key", pathKeys)
	c.identity(in, "offset_key", offsetKeys)
	if in.Get("db") == nil {
		c.find(Warning, in.Pos, in.Label()+" has no db", "after a restart it does not know how far it had read: lines written meanwhile are never read, or all are read again", c.setting("db", "/var/lib/fluent-bit/agents.db"))
	}
	size := in.Value("buffer_max_size")
	n, ok := Bytes(firstOf(size, "32k"))
	if Symbolic(size) || ok && n >= leastBuffer {
		return
	}
	fate := "tail then stops reading the file for good"
	if On(in.Value("skip_long_lines")) {
		fate = "tail then leaves the line out without a trace in the trail"
	}
	if On(in.Value("truncate_long_lines")) {
		fate = "tail then cuts the line, which is no JSON any more"
	}
	c.find(Warning, in.At("buffer_max_size"), fmt.Sprintf("buffer_max_size of %s is %s", in.Label(), firstOf(size, "32k, the default")),
		"agents write lines of megabytes, and a line that does not fit is lost: "+fate, c.setting("buffer_max_size", "16MB"))
}

// identity checks a key that gives lines without ids of their own an identity.
func (c *Config) identity(in *Section, key string, known []string) {
	value := in.Value(key)
	switch {
	case value == "":
		c.find(Warning, in.Pos, in.Label()+" has no "+key, "lines without ids of their own are told apart by path and offset: without them, lines that are read again are recorded again", c.setting(key, known[0]))
	case !Symbolic(value) && !slices.Contains(known, value):
		c.find(Warning, in.At(key), key+" is "+strconv.Quote(value), "under this name it is not recognised; "+strings.Join(known, ", ")+" are", c.setting(key, known[0]))
	}
}

// parser checks a parser that removes what we need.
func (c *Config) parser(in *Section, name string) {
	for _, p := range c.All("parser") {
		if p.Value("name") != name {
			continue
		}
		if strings.EqualFold(p.Value("format"), "json") && p.Value("time_key") != "" && !On(p.Value("time_keep")) {
			c.find(Warning, p.Pos, fmt.Sprintf("the parser %s, used by %s, has no time_keep", name, in.Label()),
				"it removes "+p.Value("time_key")+" from the record; when its format does not fit, the time of the action is lost", c.setting("time_keep", "on")+", or no parser: the lines are recognised without one")
		}
		return
	}
	if !Symbolic(name) {
		c.find(Note, in.At("parser"), "the parser "+name+" is in none of the files that were read",
			"a JSON parser with time_key but without time_keep removes the time of the action", "no parser is needed: the lines are recognised without one")
	}
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
