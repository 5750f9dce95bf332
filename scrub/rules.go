package scrub

import "strings"

// nameKeywords are in every name that judgeName knows.
var nameKeywords = []string{
	"pass", "pwd", "secret", "token", "key", "auth", "cred", "cookie", "signature", "sig=", "bearer", "mnemonic",
	"phrase", "psk", "jwt", "otp", "seed", "_pw", "-pw", "pw=", "pw:", "_pat", "code=",
}

// programKeywords are the program's names; a short one triggers only before its subcommand.
func programKeywords(p *program) []string {
	var k []string
	for name := range strings.FieldsSeq(p.names) {
		if len(name) > 3 || p.sub == "" {
			k = append(k, name)
			continue
		}
		for sub := range strings.FieldsSeq(p.sub) {
			k = append(k, name+" "+sub)
		}
	}
	return k
}

// compile lists the rules and their keywords.
func compile() ([]rule, []keyword) {
	var rules []rule
	var keywords []keyword
	add := func(r rule, texts ...string) {
		for _, t := range texts {
			keywords = append(keywords, keyword{strings.ToLower(t), uint16(len(rules))})
		}
		rules = append(rules, r)
	}
	add(rule{kind: "label"}, labelStart)
	add(rule{verify: verifyView}, viewKeywords...)
	for i := range tokenRules {
		t := &tokenRules[i]
		add(rule{kind: t.kind, verify: verifyToken, token: t}, t.prefix...)
	}
	add(rule{verify: verifyName}, nameKeywords...)
	for i := range programs {
		add(rule{verify: verifyProgram, prog: &programs[i], index: i}, programKeywords(&programs[i])...)
	}
	add(rule{kind: kindPassword, verify: verifyQuoted}, "identified by ", "identified with mysql_native_password by ")
	add(rule{verify: verifyURL}, "://")
	add(rule{verify: verifyPEM}, "-----begin ")
	add(rule{verify: verifyPEMTail}, "-----end ")
	add(rule{verify: verifyKeyBody}, "b3blbnnzac1rzxktdje", "mhccaqee", "mc4caqaw")
	add(rule{verify: verifyKeyBody, index: 6}, "ibaakc", "ibadan")
	return rules, keywords
}
