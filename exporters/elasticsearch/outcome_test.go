package elasticsearch

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestJudge has every answer that an item can have. The test distribution has no failure store, whose answer is written
// here as Elastic documents it: 201, and failure_store "used".
func TestJudge(t *testing.T) {
	for item, want := range map[string]struct {
		outcome outcome
		says    string
	}{
		`{"status":201}`: {stored, ""},
		`{"status":200}`: {stored, ""},
		`{"status":201,"failure_store":"not_applicable_or_unknown"}`:                                                     {stored, ""},
		`{"status":201,"failure_store":"not_enabled"}`:                                                                   {stored, ""},
		`{"status":201,"failure_store":"used"}`:                                                                          {refused, "failure store"},
		`{"status":409,"error":{"type":"version_conflict_engine_exception"}}`:                                            {stored, ""},
		`{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"busy"}}`:                              {again, "429 es_rejected_execution_exception: busy"},
		`{"status":408,"error":{"type":"timeout"}}`:                                                                      {again, "408"},
		`{"status":503,"error":{"type":"unavailable_shards_exception"}}`:                                                 {again, "503"},
		`{"status":500,"error":{"type":"any"}}`:                                                                          {again, "500"},
		`{"status":400,"error":{"type":"document_parsing_exception","reason":"no. Preview of field's value: 'secret'"}}`: {refused, "400 document_parsing_exception: no."},
		`{"status":403,"error":{"type":"security_exception"}}`:                                                           {blocked, "may not write"},
		`{"status":403,"error":{"type":"cluster_block_exception"}}`:                                                      {blocked, "blocked for writing"},
		`{"status":404,"error":{"type":"index_not_found_exception"}}`:                                                    {blocked, "agent-audit setup elasticsearch"},
		`{"status":400,"error":{"type":"validation_exception","reason":"this action would add [2] shards"}}`:             {blocked, "no more shards"},
	} {
		var a itemAnswer
		if err := json.Unmarshal([]byte(item), &a); err != nil {
			t.Fatal(err)
		}
		if o, why := judge(&a); o != want.outcome || !strings.Contains(why, want.says) || strings.Contains(why, "secret") {
			t.Errorf("%s: %v %q", item, o, why)
		}
	}
}
