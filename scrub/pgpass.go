package scrub

// verifyPgpass takes the password of a line of .pgpass, host:port:database:user:password, by its port.
func verifyPgpass(sc *scan, start, end int, _ *rule) {
	s := sc.s
	line, _ := lineStart(s, start)
	if start-line > maxName || run(s, line, ccName, start-line) != start && s[line] != '*' {
		return
	}
	i := end
	for range 2 { // database and user
		to := run(s, i, ccName, maxName)
		if to < len(s) && s[to] == '*' {
			to++
		}
		if to == i || sc.at(to) != ':' {
			return
		}
		i = to + 1
	}
	to := sc.bareEnd(i, min(len(s), i+maxJudged), false)
	if to-i < 3 || to < len(s) && s[to] != '\n' && s[to] != '\r' || isReference(s[i:to]) || sc.e.onlyLabels(s[i:to]) {
		return
	}
	sc.replace(i, to, kindPassword)
}
