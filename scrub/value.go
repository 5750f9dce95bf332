package scrub

// Value is Text for a string that stands under a name: a JSON key, an environment variable, a header, a flag. A name
// that says secret replaces the whole value, whatever it looks like, except references ($VAR, ${{ … }}, %VAR%,
// <placeholder>, "", true, false), labels, and paths to files that hold keys. Of an Authorization header the scheme
// stays: "Bearer [REDACTED:…]".
func (e *Engine) Value(name, s string) (clean string, n int) {
	defer rescue(&clean, &n)
	return e.value(name, validText(s))
}

func (e *Engine) value(name, s string) (clean string, n int) {
	for range maxPasses {
		if from := e.valueSecret(name, s); from >= 0 {
			kind, _ := judgeName(name)
			return s[:from] + e.label(kind, s[from:]), n + 1
		}
		next, k := e.text(s)
		if k == 0 {
			return s, n
		}
		s, n = next, n+k
	}
	return failureLabel, n + 1
}

// valueSecret returns where in s the secret that its name makes of it starts, -1 where there is none.
func (e *Engine) valueSecret(name, s string) int {
	kind, t := judgeName(name)
	if t == trustNone || isReference(s) || e.onlyLabels(s) || exempt(kind, name, s) {
		return -1
	}
	if t == trustWeak {
		sc := scan{e: e}
		a := assignment{name: name, kind: kind}
		if kind == kindSignature && !looksRandom(s, 16) || kind != kindSignature && !sc.weakSecret(&a, s) {
			return -1
		}
		return 0
	}
	from := 0
	if kind == kindAuthorization {
		if from = schemeLength(s); isReference(s[from:]) || e.onlyLabels(s[from:]) {
			return -1
		}
	}
	return from
}
