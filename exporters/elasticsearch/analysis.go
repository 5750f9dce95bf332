package elasticsearch

import (
	"fmt"
	"unicode"
)

// wordsAnalyzer is the analyzer of the words of commands. Elasticsearch's standard one takes example.com and it's for
// one word each, so that com and it would not be found; this one splits as all our stores do (sqlite.Words): letters,
// digits and underscores are words, in either case, and everything else separates.
const wordsAnalyzer = "agent_audit_words"

// maxWordUnits is how many UTF-16 units of a word are indexed. Our stores know the first 256 bytes of a word; what they
// tell apart in the rest of those, queries check in the records found. 85 units are never more than 256 bytes.
const maxWordUnits = 85

// analysis are the index settings that define the analyzer.
func analysis() object {
	return object{
		"char_filter": object{wordsAnalyzer + "_case": object{"type": "mapping", "mappings": caseMappings()}},
		"tokenizer":   object{wordsAnalyzer: object{"type": "pattern", "pattern": `[^\p{L}\p{N}_]+`}},
		"filter":      object{wordsAnalyzer + "_cut": object{"type": "truncate", "length": maxWordUnits}},
		"analyzer": object{wordsAnalyzer: object{
			"type": "custom", "char_filter": []string{wordsAnalyzer + "_case"}, "tokenizer": wordsAnalyzer,
			"filter": []string{"lowercase", wordsAnalyzer + "_cut"},
		}},
	}
}

// caseMappings are the letters that lower case alone does not make equal to their other forms, such as ſ and s.
func caseMappings() []string {
	var rules []string
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) {
			continue
		}
		if folded := unicode.ToLower(unicode.ToUpper(r)); folded != unicode.ToLower(r) {
			rules = append(rules, fmt.Sprintf("%c=>%c", r, folded))
		}
	}
	return rules
}
