// Package scrub removes secrets from text before anything is stored.
//
// It knows no schema: text goes in, text comes out. Every string of a record passes through one of four doors:
//
//	Text    free text: a command line, standard output, a log line, a file
//	Value   a string that stands under a name: a JSON key, an environment variable, a header, a flag
//	JSON    a JSON text, kept valid and in its structure
//	Args    an argument vector
//
// Text that is not there as a whole has doors of its own: Cut for one that was cut off, Continue for one that comes in
// pieces which must be given on at once, Writer for a stream, which holds back what could be an unfinished secret.
//
// A secret is replaced by a label that says what it was and, where that cannot be turned back, which one it was:
//
//	[REDACTED:github-token:k1:9f2c1a7be04d5c66]   kind, key id, first 8 bytes of HMAC-SHA-256(key, value)
//	[REDACTED:password]                           under 40 bits of entropy, or no key
//
// How a text is read:
//
//	text ──► automaton: one case-folded pass over every keyword, in four lanes (automaton.go)
//	           │ hits, in order
//	           ▼
//	         verifier: reads a bounded stretch around the hit, allocates nothing
//	           tokens, as rule files describe them (tokens.go, rules/) · names and values (assign.go, judge.go)
//	           · calls (call.go) · headers (header.go) · URLs (url.go) · programs' arguments (shell.go)
//	           · manifests (manifest.go) · PEM blocks (pem.go) · JSON Web Keys (jwk.go) · labels (redaction.go)
//	           · encoded text, decoded and read in turn (base64.go)
//	           │ spans
//	           ▼
//	         spans merged, labels written, and the result read again until nothing more is found (engine.go)
//
// Rules for tokens are data (rules/README.md): the patterns of their files are parsed (pattern.go), compiled to steps
// (program.go) and matched without memory from one of their literals (match.go). No regular expression engine runs.
//
// A token that the end of a text cuts off is told by its beginning: outputs are shortened without a word.
//
// Text in which a colour code, a quote, a line continuation or an escape disguises a word is read a second time without
// them (view.go), and what is found is mapped back.
//
// What holds: output is valid UTF-8; scrubbing what is scrubbed changes nothing; no text switches scrubbing off; work
// grows linearly with the text, whatever it holds, and is given up, with the text, beyond a budget; clean text costs no
// allocation.
package scrub
