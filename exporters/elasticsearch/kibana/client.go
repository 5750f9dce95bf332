package kibana

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/agentaudit/agentaudit/exporters/elasticsearch"
)

// ImportOptions say what Import does.
type ImportOptions struct {
	Space     string // Kibana space; "" is the default one
	Overwrite bool   // replace what is there already under our ids; else it is left as it is
	NoRules   bool   // only data view, searches and dashboards, for a Kibana without Elastic Security
	Enable    bool   // turn the imported rules on
}

// Result is what became of one kind of things.
type Result struct {
	What     string `json:"what"`
	Imported int    `json:"imported"`
	// Kept were there already, and were left as they are.
	Kept int `json:"kept"`
}

// Import puts the saved objects and rules into the Kibana at client. Importing again changes nothing, unless Overwrite.
func Import(ctx context.Context, client *elasticsearch.Client, o ImportOptions) ([]Result, error) {
	objects, err := importFile(ctx, client, o, "/api/saved_objects/_import", "agent-audit.ndjson", SavedObjects(), readObjects)
	if err != nil {
		return nil, fmt.Errorf("data view, searches and dashboards: %w", err)
	}
	objects.What = "data view, searches and dashboards"
	if o.NoRules {
		return []Result{objects}, nil
	}
	found, err := importFile(ctx, client, o, "/api/detection_engine/rules/_import", "agent-audit-rules.ndjson", Rules(o.Enable), readRules)
	if err != nil {
		return []Result{objects}, fmt.Errorf("detection rules: %w", err)
	}
	found.What = "detection rules"
	return []Result{objects, found}, nil
}

// maxAnswer bounds what is read of an answer; those of an import are some kilobytes.
const maxAnswer = 16 << 20

func importFile(ctx context.Context, client *elasticsearch.Client, o ImportOptions, path, name string, file []byte, read func([]byte) (Result, error)) (Result, error) {
	if o.Space != "" {
		path = "/s/" + url.PathEscape(o.Space) + path
	}
	body := new(bytes.Buffer)
	form := multipart.NewWriter(body)
	part, err := form.CreateFormFile("file", name)
	if err == nil {
		_, err = part.Write(file)
	}
	if err = errors.Join(err, form.Close()); err != nil {
		return Result{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("%s?overwrite=%v", path, o.Overwrite), body)
	if err != nil {
		return Result{}, err
	}
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("kbn-xsrf", "agent-audit")
	res, err := client.Perform(r)
	if err != nil {
		return Result{}, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	switch {
	case err != nil:
		return Result{}, err
	case res.StatusCode != http.StatusOK:
		return Result{}, refusal(res, answer)
	}
	return read(answer)
}

// refusal tells why Kibana said no. Only its own JSON is repeated, not a proxy's page.
func refusal(res *http.Response, answer []byte) error {
	var said struct{ Message string }
	if json.Unmarshal(answer, &said) != nil || said.Message == "" {
		return fmt.Errorf("answered %s; is this Kibana?", res.Status)
	}
	return fmt.Errorf("kibana answered %s: %s", res.Status, said.Message)
}

var errAnswer = errors.New("the answer is not that of Kibana's import")

// readObjects reads the answer of the saved objects' import.
func readObjects(answer []byte) (Result, error) {
	var a struct {
		Success      *bool
		SuccessCount int
		Errors       []struct {
			ID, Type string
			Error    struct{ Type, Message string }
		}
	}
	if json.Unmarshal(answer, &a) != nil || a.Success == nil {
		return Result{}, errAnswer
	}
	r := Result{Imported: a.SuccessCount}
	var failed []string
	for _, e := range a.Errors {
		if e.Error.Type == "conflict" {
			r.Kept++
			continue
		}
		failed = append(failed, fmt.Sprintf("%s %s: %s %s", e.Type, e.ID, e.Error.Type, e.Error.Message))
	}
	return r, failure(failed, *a.Success, len(a.Errors))
}

// readRules reads the answer of the rules' import, which is 200 whatever became of the rules.
func readRules(answer []byte) (Result, error) {
	var a struct {
		Success      *bool
		SuccessCount int `json:"success_count"`
		Errors       []struct {
			RuleID string `json:"rule_id"`
			Error  struct {
				StatusCode int `json:"status_code"`
				Message    string
			}
		}
	}
	if json.Unmarshal(answer, &a) != nil || a.Success == nil {
		return Result{}, errAnswer
	}
	r := Result{Imported: a.SuccessCount}
	var failed []string
	for _, e := range a.Errors {
		if e.Error.StatusCode == http.StatusConflict {
			r.Kept++
			continue
		}
		failed = append(failed, fmt.Sprintf("rule %s: %d %s", e.RuleID, e.Error.StatusCode, e.Error.Message))
	}
	return r, failure(failed, *a.Success, len(a.Errors))
}

func failure(failed []string, success bool, errorCount int) error {
	switch {
	case len(failed) > 0:
		slices.Sort(failed)
		return errors.New(strings.Join(failed, "; "))
	case !success && errorCount == 0:
		return errors.New("kibana says that it failed, and not why")
	}
	return nil
}
