// Package elasticsearch keeps records in an Elasticsearch data stream, logs-agent_audit.action-NAMESPACE: the exporter,
// what sets the server up for it (templates, lifecycle, roles), and what finds out whether it is well.
//
//	connection.go  nodes, credentials, TLS: what exporter, setup, doctor and queries share
//	exporter.go    the exporter: settings, and Export
//	bulk.go        a _bulk request's body, and its answer
//	outcome.go     what an answer says of a record: stored, refused, or to be tried again
//	sending.go     the requests of one batch: several in flight, tried again, split
//	lookup.go      what is stored already, before it is sent again
//	limit.go       how many requests may be in flight
//	analysis.go    how commands are split into words
//	mapping*.go    the templates
//	setup*.go      putting them on the server, and the rights of writer and reader
package elasticsearch
