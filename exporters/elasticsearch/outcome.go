package elasticsearch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/agentaudit/agentaudit/exporters"
)

// outcome is what becomes of a record after an answer.
type outcome int

const (
	stored  outcome = iota // by this request or by one before
	refused                // never to be taken: a dead letter
	again                  // to be sent again, later
	blocked                // the store takes nothing until a person mends it; the record is not to blame
)

// aboutStore are errors of items that say something of the store or of our rights, not of the record: to refuse the
// record for them would empty the whole trail into the dead letters while a disk is full or a key expired.
var aboutStore = map[string]string{
	"security_exception":        "the credentials may not write to the data stream",
	"cluster_block_exception":   "the cluster or index is blocked for writing",
	"index_not_found_exception": "the data stream is not there: run agent-audit setup elasticsearch",
	"index_closed_exception":    "the index is closed",
	"validation_exception":      "the cluster takes no more shards",
}

// judge says what an item's answer means, and why.
func judge(a *itemAnswer) (outcome, string) {
	switch {
	case a.FailureStore == "used":
		return refused, "Elasticsearch put it into the data stream's failure store: it is not among the records"
	case a.Status == http.StatusOK, a.Status == http.StatusCreated, a.Status == http.StatusConflict:
		return stored, ""
	case a.Status == http.StatusTooManyRequests, a.Status >= 500, a.Status == http.StatusRequestTimeout:
		return again, fmt.Sprintf("%d %s: %s", a.Status, a.Error.Type, shorten(a.Error.Reason))
	}
	if what, ok := aboutStore[a.Error.Type]; ok {
		return blocked, fmt.Sprintf("%s (%d %s: %s)", what, a.Status, a.Error.Type, shorten(a.Error.Reason))
	}
	return refused, fmt.Sprintf("%d %s: %s", a.Status, a.Error.Type, shorten(a.Error.Reason))
}

// maxReason bounds a reason that is kept and logged.
const maxReason = 400

// shorten cuts a reason, and leaves out the value that Elasticsearch quotes in some.
func shorten(reason string) string {
	reason, _, _ = strings.Cut(reason, " Preview of field's value:")
	if len(reason) > maxReason {
		reason = strings.ToValidUTF8(reason[:maxReason], "") + "…"
	}
	return reason
}

// tooLarge says whether an error is the answer 413.
func tooLarge(err error) bool {
	var e *apiError
	return errors.As(err, &e) && e.Status == http.StatusRequestEntityTooLarge
}

// permanent marks errors of a whole request that sending again does not mend.
func permanent(err error) error {
	var certificate *certificateError
	if errors.As(err, &certificate) {
		return exporters.Permanent(err)
	}
	var e *apiError
	if !errors.As(err, &e) {
		return err
	}
	switch e.Status {
	case http.StatusUnauthorized:
		return exporters.Permanent(fmt.Errorf("%w (is the API key or password right, and not expired or revoked?)", err))
	case http.StatusForbidden:
		return exporters.Permanent(fmt.Errorf("%w (the credentials lack a right, or the cluster is blocked)", err))
	case http.StatusNotFound:
		return exporters.Permanent(fmt.Errorf("%w (run agent-audit setup elasticsearch)", err))
	case http.StatusTooManyRequests, http.StatusRequestTimeout:
		return err
	}
	if e.Status < 500 {
		return exporters.Permanent(err)
	}
	return err
}

// overloaded says whether an error asks for fewer requests at a time. A request that was cancelled from here does not.
func overloaded(err error) bool {
	var e *apiError
	if errors.As(err, &e) {
		return e.Status == http.StatusTooManyRequests || e.Status == http.StatusServiceUnavailable || e.Status == http.StatusGatewayTimeout
	}
	return errors.Is(err, context.DeadlineExceeded)
}

// unknownOutcome says whether a request that failed may have stored something all the same: not where the server itself
// said that it did not take it. A gateway's answer tells nothing of the server behind it.
func unknownOutcome(err error) bool {
	var e *apiError
	return !errors.As(err, &e) || e.Status >= 500
}
