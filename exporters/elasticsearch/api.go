package elasticsearch

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

var jsonHeader = http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}

// apiError is what Elasticsearch answers to a request that it will not carry out.
type apiError struct {
	Status int
	Type   string // security_exception, index_not_found_exception …; "" where the answer is not Elasticsearch's
	Reason string
}

func (e *apiError) Error() string {
	if e.Type == "" {
		return fmt.Sprintf("elasticsearch: answered %d %s", e.Status, http.StatusText(e.Status))
	}
	return fmt.Sprintf("elasticsearch: answered %d %s: %s", e.Status, e.Type, e.Reason)
}

// parseError reads an error's body. Bodies in other forms, such as a proxy's page, are not repeated.
func parseError(status int, body []byte) *apiError {
	type cause struct {
		Type   string `json:"type"`
		Reason string `json:"reason"`
	}
	var answer struct {
		Error struct {
			cause
			Roots []cause `json:"root_cause"`
		} `json:"error"`
	}
	_ = json.Unmarshal(body, &answer)
	e := &apiError{Status: status, Type: answer.Error.Type, Reason: shorten(answer.Error.Reason)}
	if len(answer.Error.Roots) > 0 && answer.Error.Roots[0].Reason != answer.Error.Reason { // "all shards failed" says nothing
		e.Reason += ": " + shorten(answer.Error.Roots[0].Reason)
	}
	return e
}

// Call sends a request with a JSON body (nil for none) and decodes the answer (nil for not wanted). An answer that says
// no is an error; found tells the one answer that is none: 404.
func (c *Client) Call(ctx context.Context, method, path string, body, into any) (found bool, err error) {
	var text []byte
	switch b := body.(type) {
	case nil:
	case json.RawMessage:
		text = b
	default:
		if text, err = json.Marshal(b); err != nil {
			return false, err
		}
	}
	status, answer, err := c.do(ctx, method, path, jsonHeader, text)
	switch {
	case err != nil:
		return false, err
	case status == http.StatusNotFound && method != http.MethodPut && method != http.MethodPost:
		return false, nil
	case status >= 300:
		return false, parseError(status, answer)
	case into == nil:
		return true, nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return false, fmt.Errorf("elasticsearch: %s %s: answer cannot be read: %w", method, path, err)
	}
	return true, nil
}

// Perform sends a request with the client's credentials, for a server that is reached as Elasticsearch is but is another:
// Kibana takes the same URLs, users and keys. The request's URL is a path.
func (c *Client) Perform(r *http.Request) (*http.Response, error) {
	res, err := c.es.Transport.Perform(r) // not its Perform: that asks whether it is Elasticsearch
	if err != nil {
		return nil, explainTLS(err)
	}
	return res, nil
}

// Privileges asks which privileges on an index or data stream the client's credentials have. A server without security
// does not know the question: see NoSecurity.
func (c *Client) Privileges(ctx context.Context, index string, ask []string) (map[string]bool, error) {
	body := object{"index": []object{{"names": []string{index}, "privileges": ask}}}
	var answer struct {
		Index map[string]map[string]bool `json:"index"`
	}
	if _, err := c.Call(ctx, http.MethodPost, "/_security/user/_has_privileges", body, &answer); err != nil {
		return nil, err
	}
	return answer.Index[index], nil
}
