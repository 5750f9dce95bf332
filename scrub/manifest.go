package scrub

import "strings"

// maxManifest is how far back, in bytes, a manifest is read from its kind.
const maxManifest = 16 << 10

// verifyManifest takes every value under data and stringData of a Kubernetes Secret, in YAML or in JSON of one member a
// line, from its kind: "kind: Secret" may stand before or after them. What a manifest holds was read is not read again
// (manifestEnd), so that manifests in manifests stay linear.
func verifyManifest(sc *scan, start, end int, _ *rule) {
	s := sc.s
	if start < sc.manifestEnd {
		return
	}
	if next := sc.at(end); next != 0 && !isSpace(next) && !isQuote(next) && next != ',' && next != '#' {
		return // SecretList
	}
	line, column := lineStart(s, start)
	if column < 0 || column != start-line {
		return
	}
	from := sc.manifestStart(line, column)
	inData := false
	for i := from; i < len(s); {
		stop := endOfLine(s, i)
		sc.steps += stop - i
		at := skipIndent(s, i)
		switch depth := at - i; {
		case at == stop || s[at] == '\r':
		case i > line && (depth < column && s[at] != '-' || depth+2 <= column && s[at] == '-' || depth == column && isEntry(s[at:stop], "kind")):
			sc.manifestEnd = max(sc.manifestEnd, i)
			return
		case depth <= column:
			if s[at] == '-' {
				at = skipIndent(s, at+1)
			}
			inData = isEntry(s[at:stop], "data") || isEntry(s[at:stop], "stringdata")
		case inData:
			stop = sc.manifestEntry(at, stop, depth)
		}
		i = stop + 1
	}
	sc.manifestEnd = len(s)
}

// lineStart returns the start of the line of i, and the column at which its text starts behind a list's dash.
func lineStart(s string, i int) (line, column int) {
	low := max(0, i-maxLineBefore)
	line = strings.LastIndexByte(s[low:i], '\n')
	if line < 0 && low > 0 {
		return 0, -1
	}
	line += low + 1
	at := skipIndent(s, line)
	if at+1 < len(s) && s[at] == '-' && s[at+1] == ' ' {
		at = skipIndent(s, at+1)
	}
	return line, at - line
}

func endOfLine(s string, i int) int {
	if end := strings.IndexByte(s[i:], '\n'); end >= 0 {
		return i + end
	}
	return len(s)
}

// isEntry reports whether a line starts with a member of that name (lower case), quoted or not.
func isEntry(line, name string) bool {
	if line != "" && isQuote(line[0]) {
		line = line[1:]
	}
	if !foldHas(line, 0, name) {
		return false
	}
	line = line[len(name):]
	if line != "" && isQuote(line[0]) {
		line = line[1:]
	}
	return line != "" && line[0] == ':'
}

// manifestStart returns the start of the first line of the manifest whose kind stands in line at column.
func (sc *scan) manifestStart(line, column int) int {
	s := sc.s
	low := max(sc.manifestEnd, line-maxManifest)
	from := line
	for from > low && skipIndent(s, from)-from >= column {
		prev := strings.LastIndexByte(s[low:from-1], '\n') + low + 1
		at := skipIndent(s, prev)
		if prev == low && low > 0 && s[low-1] != '\n' || strings.HasPrefix(s[at:], "---") || at-prev < column && (s[at] != '-' || skipIndent(s, at+1)-prev != column) && at < from-1 {
			break
		}
		if at-prev == column && isEntry(s[at:from], "kind") {
			break
		}
		sc.steps += from - prev
		from = prev
		if s[at] == '-' {
			break
		}
	}
	return from
}

// manifestEntry takes the value of the entry at at, whose line ends at stop, and returns the end of its last line.
func (sc *scan) manifestEntry(at, stop, depth int) int {
	s := sc.s
	if s[at] == '#' {
		return stop
	}
	colon := strings.Index(s[at:stop], ":")
	if colon < 0 {
		return stop
	}
	from := skipBlank(s, at+colon+1)
	if from > stop {
		return stop
	}
	if from < stop && (s[from] == '|' || s[from] == '>') {
		to := sc.blockEnd(stop, depth)
		if first := skipSpace(s, stop); first < to && !sc.e.onlyLabels(s[first:to]) {
			sc.replace(first, to, kindSecret)
		}
		return max(stop, endOfLine(s, to))
	}
	to := stop
	if _, q := quoteAt(s, from); q != 0 && q != '`' {
		from++
		to = min(stop, sc.quotedEnd(from, q, 0))
	} else {
		if comment := strings.Index(s[from:to], " #"); comment >= 0 {
			to = from + comment
		}
		for to > from && (isSpace(s[to-1]) || s[to-1] == ',') {
			to--
		}
	}
	if from < to && !isReference(s[from:to]) && !sc.e.onlyLabels(s[from:to]) {
		sc.replace(from, to, kindSecret)
	}
	return stop
}
