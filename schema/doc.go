// Package schema defines the audit trail's one document: what an agent did (Action), how it is written (canonical
// JSON in Elastic Common Schema names), read back, merged from fragments and identified.
//
// One table, Fields, is the single source for encoding, decoding, scrubbing, merging and documentation: a field that
// is not in the table does not exist.
package schema

// ECSVersion is the version of the Elastic Common Schema whose names and types the documents follow.
const ECSVersion = "9.4.0"

// Dataset is the value of event.dataset and data_stream.dataset.
const Dataset = "agent_audit.action"
