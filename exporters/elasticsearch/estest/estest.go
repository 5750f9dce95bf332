// Package estest starts real servers for tests: Elasticsearch 8.19 and 9, and OpenSearch 3.6, from Maven Central.
//
// Elastic publishes the server without its x-pack modules' field types, data stream handlers and lifecycle; the small
// plugin in recipe/standin stands in for them (it says what it does). Of Elasticsearch 9, not all parts of ES|QL are published. OpenSearch has the real field types wildcard,
// match_only_text, constant_keyword and scaled_float, so that what we ship is proven by the two together.
//
// Servers are downloaded and built once, into a folder outside of the repository (see cacheDir). They listen on loopback,
// on ports they pick themselves, and end with the test's process, however that ends. Needed: a JDK (17 or newer for
// Elasticsearch 8, 21 or newer for the others) and Maven, which test/scripts/need.sh installs. A test without them fails.
package estest

import (
	"os"
	"sync"
	"testing"
)

// Versions of the servers.
const (
	ElasticsearchVersion  = "8.19.21"
	Elasticsearch9Version = "9.5.3"
	OpenSearchVersion     = "3.6.0"
)

// shared are the servers that the tests of a package use together.
var shared struct {
	sync.Mutex
	servers map[string]*Server
}

// Elasticsearch is a server without security that all tests of the package share: use names of your own, and clean up
// templates. The package's TestMain must be Main.
func Elasticsearch(t testing.TB) *Server {
	t.Helper()
	return share(t, "elasticsearch", func() (*Server, error) { return Start(Options{}) })
}

// OpenSearch is the same with OpenSearch.
func OpenSearch(t testing.TB) *Server {
	t.Helper()
	return share(t, "opensearch", func() (*Server, error) { return StartOpenSearch(Options{}) })
}

// Elasticsearch9 is Elasticsearch 9 with TLS, users and API keys.
func Elasticsearch9(t testing.TB) *Server {
	t.Helper()
	return share(t, "elasticsearch9", func() (*Server, error) { return Start(Options{Nine: true, Security: true}) })
}

// Secured is a shared Elasticsearch with TLS, users and API keys.
func Secured(t testing.TB) *Server {
	t.Helper()
	return share(t, "secured", func() (*Server, error) { return Start(Options{Security: true}) })
}

func share(t testing.TB, name string, start func() (*Server, error)) *Server {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if s := shared.servers[name]; s != nil {
		return s
	}
	s, err := start()
	if err != nil {
		t.Fatal(err)
	}
	if shared.servers == nil {
		shared.servers = map[string]*Server{}
	}
	shared.servers[name] = s
	return s
}

// Main runs a package's tests, and stops the servers they shared.
func Main(m *testing.M) {
	code := m.Run()
	for _, s := range shared.servers {
		s.Close()
	}
	os.Exit(code)
}

// New starts a server for one test, which stops it at its end.
func New(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}
