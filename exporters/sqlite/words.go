package sqlite

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxWord is how many bytes of a word count: of a longer one (base64, say) the rest is left out.
const maxWord = 256

// Words splits a command, or what is searched for in commands, into words: the longest runs of letters, digits
// (Unicode's categories L and N) and underscores, without regard to case. Everything else separates: "rm -rf
// ./node_modules" is rm, rf, node_modules. Both the index and every query use it, so that all stores agree on what
// matches.
func Words(text string) []string {
	var words []string
	start := -1
	for i, r := range text {
		switch in := r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r); {
		case in && start < 0:
			start = i
		case !in && start >= 0:
			words = append(words, fold(text[start:i]))
			start = -1
		}
	}
	if start >= 0 {
		words = append(words, fold(text[start:]))
	}
	return words
}

// fold cuts a word to maxWord bytes and takes away its case: upper, then lower, so that ſ and s are one letter.
func fold(word string) string {
	if len(word) > maxWord {
		end := maxWord
		for !utf8.RuneStart(word[end]) {
			end--
		}
		word = word[:end]
	}
	return strings.Map(func(r rune) rune { return unicode.ToLower(unicode.ToUpper(r)) }, word)
}

// Match is the full-text expression for phrases: every phrase must occur, its words one after the other. It is "" for
// none.
func Match(phrases [][]string) string {
	var b strings.Builder
	for _, words := range phrases {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteByte('"')
		b.WriteString(strings.Join(words, " "))
		b.WriteByte('"')
	}
	return b.String()
}
