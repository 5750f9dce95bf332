package serve

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
)

// Tokens are those who may read: a line each of the token file, a name, white space, and the token.
//
//	# for the audit team
//	carol  8c1f…
//
// The name is what the record of a read says. Only digests of the tokens are held.
type Tokens struct {
	names   []string
	digests [][sha256.Size]byte
}

// leastToken is the shortest token taken.
const leastToken = 24

var tokenName = regexp.MustCompile(`^[A-Za-z0-9._@-]{1,64}$`)

// ReadTokens reads a token file, which only its owner may be able to read.
func ReadTokens(path string) (*Tokens, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("serve: token file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("serve: token file %s can be read by others (%v): chmod 600 it", path, info.Mode().Perm())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("serve: token file: %w", err)
	}
	t := new(Tokens)
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		fields := strings.Fields(line)
		switch {
		case len(fields) != 2 || !tokenName.MatchString(fields[0]):
			return nil, fmt.Errorf("serve: token file %s, line %d: a name (letters, digits and ._@-) and a token are wanted", path, n)
		case len(fields[1]) < leastToken:
			return nil, fmt.Errorf("serve: token file %s, line %d: the token has less than %d characters", path, n, leastToken)
		}
		t.names = append(t.names, fields[0])
		t.digests = append(t.digests, sha256.Sum256([]byte(fields[1])))
	}
	if len(t.names) == 0 {
		return nil, fmt.Errorf("serve: token file %s has no token", path)
	}
	return t, nil
}

// localReader is who reads where no tokens are asked for.
const localReader = "local"

// who names the reader of a request. A token comes as "Authorization: Bearer TOKEN", or as the password of basic
// authentication, which browsers ask people for.
func (t *Tokens) who(r *http.Request) (name string, ok bool) {
	if t == nil {
		return localReader, true
	}
	token, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !isBearer {
		_, token, _ = r.BasicAuth()
	}
	digest := sha256.Sum256([]byte(token))
	for i := range t.digests { // all of them, so that time tells nothing
		if subtle.ConstantTimeCompare(digest[:], t.digests[i][:]) == 1 {
			name, ok = t.names[i], true
		}
	}
	return name, ok
}
