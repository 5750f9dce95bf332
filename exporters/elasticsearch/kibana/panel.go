package kibana

// kind is how a panel shows the rows of its query.
type kind int

const (
	metric kind = iota // one number: the query's one column
	table              // all columns
	bars               // columns are height, place and, when there is a third, stack
	found              // the rows of a saved search
)

// Types of columns, as Kibana calls them.
const (
	number = "number"
	words  = "string"
	moment = "date"
)

// column is a column of a query's answer: its name there, its heading and its type.
type column struct{ name, heading, kind string }

// panel is a panel of a dashboard.
type panel struct {
	title   string
	kind    kind
	esql    string   // of all kinds but found
	columns []column // of the answer, in its order
	search  string   // of found: id of the saved search
	// bySealing makes the dashboard's time range bound the time at which records were sealed (event.created), which goes
	// with their sequence, instead of the time of the actions. The query must name ?_tstart and ?_tend with it.
	bySealing bool
	width     int // of 48
	height    int
}

func (p *panel) timeField() string {
	if p.bySealing {
		return "event.created"
	}
	return "@timestamp"
}
