// Package kibana makes what an analyst finds in Kibana: a data view, saved searches, six dashboards and detection
// rules. All of it is data in this package; nothing is drawn by hand and exported.
//
//	view.go            the data view over all records
//	search.go          saved searches: one a question
//	dashboard_*.go     dashboards; each panel is one ES|QL query or a saved search (panel.go, lens.go)
//	rules_*.go         detection rules (rule.go)
//	object.go          the form of saved objects: NDJSON as Kibana's import takes it
//	client.go          the import
//
// Every query of these files runs in the tests, on a real server, and must answer what a Go function computes from the
// same records.
package kibana
