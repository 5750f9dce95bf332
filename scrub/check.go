package scrub

import (
	"fmt"
	"strconv"
	"strings"
)

// check is a condition on a matched secret, written "name", "name NUMBER" or "not NAME" in a rule.
type check struct {
	what string
	not  bool
	n    float64
}

// checkNames are the conditions, and whether a number follows.
var checkNames = map[string]bool{
	"random": false, "mixed": false, "hex": false, "uuid": false, "path": false, "word": false,
	"entropy": true, "distinct": true, "changes": true, "digits": true, "lower": true, "upper": true,
}

func parseCheck(s string) (c check, err error) {
	f := strings.Fields(s)
	if len(f) > 1 && f[0] == "not" {
		c.not, f = true, f[1:]
	}
	if len(f) == 0 {
		return c, fmt.Errorf("check %q", s)
	}
	c.what = f[0]
	number, known := checkNames[c.what]
	switch {
	case !known:
		return c, fmt.Errorf("check %q is not known", c.what)
	case number && len(f) == 2 && !c.not:
		c.n, err = strconv.ParseFloat(f[1], 64)
		return c, err
	case number || len(f) != 1:
		return c, fmt.Errorf("check %q", s)
	}
	return c, nil
}

// minDistinct is how many different bytes every token has, unless a check asks for a number itself.
const minDistinct = 5

// passes reports whether a secret meets all conditions.
func passes(checks []check, v string) bool {
	sh := shapeOf(v)
	distinct := minDistinct
	for i := range checks {
		c := &checks[i]
		if c.what == "distinct" {
			distinct = int(c.n)
			continue
		}
		if c.holds(v, &sh) == c.not {
			return false
		}
	}
	return sh.distinct >= distinct
}

func (c *check) holds(v string, sh *shape) bool {
	switch c.what {
	case "random":
		return looksRandom(v, 1)
	case "mixed":
		return mixedBody(v)
	case "hex":
		return sh.hex
	case "uuid":
		return isUUID(v)
	case "path":
		return isPath(v)
	case "word": // letters of one case, or capitalised
		return sh.digit == 0 && sh.other == 0 && (sh.upper == 0 || sh.lower == 0 || sh.upper == 1 && is(v[0], ccUpper))
	case "entropy":
		return shannon(v) >= c.n
	case "changes":
		return float64(sh.changes) >= c.n
	case "digits":
		return float64(sh.digit) >= c.n
	case "lower":
		return float64(sh.lower) >= c.n
	}
	return float64(sh.upper) >= c.n
}
