package elasticsearch

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/elastic/go-elasticsearch/v8"
)

// Environment variables that hold credentials where no file does. An exporter's process is given these, and no others
// of its host's.
const (
	EnvAPIKey   = "AGENT_AUDIT_ELASTICSEARCH_API_KEY"
	EnvPassword = "AGENT_AUDIT_ELASTICSEARCH_PASSWORD"
)

// Connection says where Elasticsearch is, and as whom to speak to it. Credentials are in files or in the environment,
// never here, so that it may be shown and logged.
type Connection struct {
	// URLs of the nodes; one that fails is left alone for a while. With CloudID there are none.
	URLs    []string `json:"urls,omitempty"`
	CloudID string   `json:"cloud_id,omitempty"`
	// APIKeyFile holds an API key, in the form "encoded" or ID:KEY. Without it, EnvAPIKey may hold one.
	APIKeyFile string `json:"api_key_file,omitempty"`
	// Username and PasswordFile are the alternative. Without the file, EnvPassword may hold the password.
	Username     string `json:"username,omitempty"`
	PasswordFile string `json:"password_file,omitempty"`
	// CAFile holds certificates to trust instead of the system's.
	CAFile string `json:"ca_file,omitempty"`
	// CertificateFile and KeyFile are the client's own, where the server asks for one.
	CertificateFile string `json:"certificate_file,omitempty"`
	KeyFile         string `json:"key_file,omitempty"`
}

// Times that no single request may take longer than. Answers to bulk requests may take their time on a busy server.
const (
	dialTimeout    = 10 * time.Second
	requestTimeout = 60 * time.Second
)

// maxAnswer bounds an answer that is read into memory.
const maxAnswer = 256 << 20

// Client speaks to Elasticsearch. It is safe for concurrent use.
type Client struct {
	es   *elasticsearch.BaseClient // without its typed API, of which nothing is used
	http *http.Transport
	// nodes is how many there are. The client takes them in turn, the first one first, and leaves one that failed alone for
	// a while.
	nodes int
}

// Connect reads credentials and certificates and makes a client. It does not speak to the server yet.
func Connect(c Connection) (*Client, error) {
	nodes, err := c.nodes()
	if err != nil {
		return nil, err
	}
	config := elasticsearch.Config{CloudID: c.CloudID, DisableRetry: true}
	if err := c.authorize(&config); err != nil {
		return nil, err
	}
	for _, u := range nodes {
		if (config.APIKey != "" || config.Username != "") && u.Scheme == "http" && !isLoopback(u.Hostname()) {
			return nil, fmt.Errorf("elasticsearch: %s is not https: credentials are not sent in the clear", u)
		}
		config.Addresses = append(config.Addresses, u.String())
	}
	trust, err := c.tls()
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: dialTimeout}).DialContext, TLSClientConfig: trust,
		TLSHandshakeTimeout: dialTimeout, MaxIdleConnsPerHost: 32, IdleConnTimeout: 90 * time.Second, DisableCompression: true,
	}
	config.Transport = transport
	es, err := elasticsearch.NewBaseClient(config)
	switch {
	case err != nil && c.CloudID != "": // all else has been checked above
		return nil, errors.New("elasticsearch: cloud_id is not of the form NAME:BASE64")
	case err != nil:
		return nil, fmt.Errorf("elasticsearch: %w", err)
	}
	return &Client{es: es, http: transport, nodes: max(len(nodes), 1)}, nil
}

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// nodes are the URLs of the servers; with a cloud id there are none, the client reads them out of it.
func (c *Connection) nodes() ([]*url.URL, error) {
	switch {
	case c.CloudID != "" && len(c.URLs) > 0:
		return nil, errors.New("elasticsearch: give urls or cloud_id, not both")
	case c.CloudID == "" && len(c.URLs) == 0:
		return nil, errors.New("elasticsearch: neither urls nor cloud_id is set")
	}
	var nodes []*url.URL
	for i, text := range c.URLs {
		u, err := url.Parse(strings.TrimSpace(text))
		switch {
		case err != nil, u.Host == "", u.Scheme != "http" && u.Scheme != "https":
			return nil, fmt.Errorf("elasticsearch: urls[%d] is not of the form https://HOST:9200", i)
		case u.User != nil: // not quoted: it holds a password
			return nil, fmt.Errorf("elasticsearch: urls[%d] holds a user or password: set username and password_file instead", i)
		case u.RawQuery != "" || u.Fragment != "":
			return nil, fmt.Errorf("elasticsearch: urls[%d] has something after its path", i)
		}
		u.Path = strings.TrimSuffix(u.Path, "/")
		nodes = append(nodes, u)
	}
	return nodes, nil
}

// authorize gives the client its credentials, if there are any.
func (c *Connection) authorize(config *elasticsearch.Config) (err error) {
	if c.APIKeyFile != "" && c.Username != "" {
		return errors.New("elasticsearch: give api_key_file or username, not both")
	}
	if c.Username != "" {
		config.Username = c.Username
		config.Password, err = secret("password_file", c.PasswordFile, EnvPassword)
		if err == nil && config.Password == "" {
			err = fmt.Errorf("elasticsearch: user %s has no password: set password_file, or %s", c.Username, EnvPassword)
		}
		return err
	}
	config.APIKey, err = secret("api_key_file", c.APIKeyFile, EnvAPIKey)
	if strings.Contains(config.APIKey, ":") {
		config.APIKey = base64.StdEncoding.EncodeToString([]byte(config.APIKey))
	}
	return err
}

// secret reads a credential: of the file if one is named, else of the environment.
func secret(what, file, variable string) (string, error) {
	if file == "" {
		return strings.TrimSpace(os.Getenv(variable)), nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("elasticsearch: %s: %w", what, err)
	}
	text := strings.TrimSpace(string(b))
	switch {
	case text == "":
		return "", fmt.Errorf("elasticsearch: %s: %s is empty", what, file)
	case strings.ContainsAny(text, "\r\n"):
		return "", fmt.Errorf("elasticsearch: %s: %s has more than one line", what, file)
	}
	return text, nil
}

func (c *Connection) tls() (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("elasticsearch: ca_file: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("elasticsearch: ca_file: %s holds no certificate in PEM form", c.CAFile)
		}
	}
	if c.CertificateFile != "" || c.KeyFile != "" {
		pair, err := tls.LoadX509KeyPair(c.CertificateFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("elasticsearch: certificate_file and key_file: %w", err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return t, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// do sends a request and reads its answer whole. What is not Elasticsearch's answer, such as a proxy's page, is an
// error. A node that cannot be connected to has got nothing, so that the next one is asked at once. Errors name the node
// and hold no credential.
func (c *Client) do(ctx context.Context, method, path string, header http.Header, body []byte) (status int, answer []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	for range c.nodes {
		status, answer, err = c.doOnce(ctx, method, path, header, body)
		var dial *net.OpError
		if !errors.As(err, &dial) || dial.Op != "dial" || ctx.Err() != nil {
			break
		}
	}
	return status, answer, err
}

func (c *Client) doOnce(ctx context.Context, method, path string, header http.Header, body []byte) (status int, answer []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, method, path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("elasticsearch: %w", err)
	}
	if header != nil {
		r.Header = header.Clone()
	}
	res, err := c.es.Perform(r)
	if err != nil {
		return 0, nil, fmt.Errorf("elasticsearch: %w", explainTLS(err))
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return 0, nil, fmt.Errorf("elasticsearch: %s %s: answer was cut short: %w", method, where(r), err)
	}
	if res.StatusCode < 300 && res.Header.Get("X-Elastic-Product") != "Elasticsearch" {
		return 0, nil, fmt.Errorf("elasticsearch: %s is not Elasticsearch: it answered %s with %s", where(r), res.Status, kind(res.Header))
	}
	return res.StatusCode, answer, nil
}

// where is where a request went, without its parameters.
func where(r *http.Request) string { return r.URL.Scheme + "://" + r.URL.Host + r.URL.Path }

func kind(h http.Header) string {
	if t, _, _ := strings.Cut(h.Get("Content-Type"), ";"); t != "" {
		return t
	}
	return "something without a type"
}

// explainTLS says of errors of certificates that they are a person's to mend.
func explainTLS(err error) error {
	var remote *net.OpError
	if errors.As(err, &remote) && remote.Op == "remote error" && strings.Contains(remote.Err.Error(), "certificate") { // crypto/tls: an alert
		return &certificateError{fmt.Errorf("this client's certificate (certificate_file): the server refuses it: %w", err)}
	}
	var invalid *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &invalid) || errors.As(err, &unknown) {
		return &certificateError{fmt.Errorf("the server's certificate: %w", err)}
	}
	return err
}

// certificateError is a certificate that is not trusted: expired, of another name, of another authority, or missing.
type certificateError struct{ err error }

func (e *certificateError) Error() string { return e.err.Error() }
func (e *certificateError) Unwrap() error { return e.err }
