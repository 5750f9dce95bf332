package risk

import "strings"

// Some agents' commands are followed by the text of a file, without quotes: Codex's apply_patch, and SWE-agent's edit up
// to end_of_edit. That is no shell, and data.

// fileText flattens such a command: one call, with the files it names. It returns false, and has done nothing, for
// any other text.
func (p *plan) fileText(src string, s site) bool {
	switch {
	case strings.HasPrefix(src, "apply_patch *** Begin Patch"), strings.HasPrefix(src, "*** Begin Patch"):
		p.add(call{program: "apply_patch", info: p.eng.programs["apply_patch"], marks: s.marks}, patchPaths(src))
		return true
	case strings.HasPrefix(src, "edit") && strings.HasSuffix(strings.TrimRight(src, " \n"), "\nend_of_edit"):
		p.add(call{program: "edit", marks: s.marks}, nil)
		return true
	}
	return false
}

// startPatch is for apply_patch given its patch by a word or on standard input: the files of the patch are written.
func startPatch(p *plan, i int, s site) {
	c := &p.calls[i]
	text, _ := p.input(c)
	for _, w := range c.words {
		if strings.HasPrefix(w.text, "*** Begin Patch") {
			text = w.text
		}
	}
	if words := patchPaths(text); len(words) > 0 && s.depth < maxDepth {
		p.add(call{program: "apply_patch", info: p.eng.programs["tee"], marks: c.marks}, words)
	}
}
