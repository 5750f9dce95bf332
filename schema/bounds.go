package schema

// Bounds within which every store can index what a record holds. internal/seal keeps records within them.
const (
	// MaxKeyword is the length in bytes of the longest value of a keyword field: Lucene takes no longer term, and
	// Elasticsearch refuses the whole document for one.
	MaxKeyword = 32766
	// MaxValue is the length in bytes from which on a text in the JSON of tool arguments or unplaced fields is not found
	// as a whole any more, but by its words, in agent_audit.long_values.
	MaxValue = 8191
	// MaxKeys is how long the keys that lead to a value of that JSON may be together, in bytes: with MaxValue UTF-16
	// units, of at most three bytes each, they stay below MaxKeyword.
	MaxKeys = 8000
	// MaxNesting is how deep that JSON may nest.
	MaxNesting = 256
)
