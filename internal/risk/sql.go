package risk

import "strings"

// sqlSet is what the statements of a database program do, by their first words.
type sqlSet uint16

const (
	sqlDrop      sqlSet = 1 << iota // DROP of a table, database, schema, …; dropDatabase(), .drop()
	sqlTruncate                     // TRUNCATE; deleteMany({}), FLUSHALL
	sqlDeleteAll                    // DELETE without WHERE, or with one that is always true
	sqlUpdateAll                    // UPDATE without WHERE
	sqlDelete                       // DELETE … WHERE
	sqlUpdate                       // UPDATE … WHERE
	sqlInsert                       // INSERT, REPLACE, MERGE, UPSERT, COPY … FROM
	sqlSchema                       // CREATE, ALTER, RENAME
	sqlGrant                        // GRANT, REVOKE, CREATE/ALTER USER or ROLE
	sqlExecute                      // COPY … PROGRAM, xp_cmdshell, lo_export, INTO OUTFILE: leaves the database
	sqlGrantAll                     // GRANT ALL, SUPERUSER, to everybody or from every host
	sqlRead                         // SELECT, SHOW, EXPLAIN, \d
)

var sqlNames = map[string]sqlSet{
	"drop": sqlDrop, "truncate": sqlTruncate, "delete-all": sqlDeleteAll, "update-all": sqlUpdateAll,
	"delete": sqlDelete, "update": sqlUpdate, "insert": sqlInsert, "schema": sqlSchema, "grant": sqlGrant,
	"execute": sqlExecute, "read": sqlRead, "grant-all": sqlGrantAll,
}

// classifySQL reads statements roughly: strings and comments are blanked, then each statement goes by its words.
func classifySQL(code string) sqlSet {
	if len(code) > maxText {
		code = code[:maxText]
	}
	var out sqlSet
	for st := range strings.SplitSeq(strings.ToLower(blankSQL(code)), ";") {
		out |= classifyStatement(strings.Fields(st))
	}
	return out
}

func classifyStatement(w []string) sqlSet {
	for len(w) > 0 && (w[0] == "begin" || w[0] == "(" || w[0] == "explain" && len(w) > 2 && w[1] == "analyze") {
		w = w[1:]
	}
	if len(w) == 0 {
		return 0
	}
	out := escapes(w)
	if w[0] == "with" || w[0] == "do" {
		for i := 1; i < len(w); i++ {
			switch t := strings.TrimLeft(w[i], "("); t {
			case "delete", "update", "insert", "drop", "truncate":
				return out | classifyVerb(t, w[i:])
			}
		}
	}
	return out | classifyVerb(w[0], w)
}

func classifyVerb(verb string, w []string) sqlSet {
	switch verb {
	case "drop":
		return sqlDrop
	case "truncate", "flushall", "flushdb":
		return sqlTruncate
	case "delete":
		if alwaysTrue(w) {
			return sqlDeleteAll
		}
		return sqlDelete
	case "update":
		if alwaysTrue(w) {
			return sqlUpdateAll
		}
		return sqlUpdate
	case "insert", "replace", "merge", "upsert":
		return sqlInsert
	case "grant", "revoke":
		return sqlGrant | grantsAll(w)
	case "create", "alter", "rename":
		for _, t := range w[1:min(len(w), 4)] {
			switch t {
			case "user", "role", "login":
				return sqlGrant | grantsAll(w)
			case "drop":
				return sqlDrop
			}
		}
		if verb == "alter" {
			for _, t := range w {
				if t == "drop" {
					return sqlDrop
				}
			}
		}
		return sqlSchema
	case "select", "show", "describe", "desc", "explain", "with", "values", "pragma":
		return sqlRead
	}
	return 0
}

// grantsAll tells grants of everything, or to everybody.
func grantsAll(w []string) sqlSet {
	for i, t := range w {
		switch strings.Trim(t, ",;") {
		case "superuser", "createrole", "public", "sysadmin", "db_owner":
			return sqlGrantAll
		case "all":
			if i == 1 && w[0] == "grant" {
				return sqlGrantAll
			}
		}
	}
	return 0
}

func escapes(w []string) sqlSet {
	for i, t := range w {
		if t == "program" && i > 1 && w[0] == "copy" || t == "xp_cmdshell" || t == "outfile" || t == "dumpfile" ||
			strings.HasPrefix(t, "lo_export(") || strings.HasPrefix(t, "sys_exec(") {
			return sqlExecute
		}
	}
	return 0
}

// alwaysTrue tells statements without WHERE, or with WHERE 1=1, WHERE true.
func alwaysTrue(w []string) bool {
	for i, t := range w {
		if t != "where" {
			continue
		}
		cond := strings.Join(w[i+1:], "")
		return cond == "" || cond == "1=1" || cond == "true" || cond == "1" || cond == "''=''"
	}
	return true
}

// blankSQL empties string literals and drops comments, so that words inside them do not count.
func blankSQL(s string) string {
	if !strings.ContainsAny(s, "'-/") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\'':
			b.WriteString("''")
			for i++; i < len(s) && s[i] != '\''; i++ {
			}
		case strings.HasPrefix(s[i:], "--"):
			for i < len(s) && s[i] != '\n' {
				i++
			}
			b.WriteByte(' ')
		case strings.HasPrefix(s[i:], "/*"):
			end := strings.Index(s[i+2:], "*/")
			if end < 0 {
				return b.String()
			}
			i += end + 3
			b.WriteByte(' ')
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
