package scrub

import (
	"strings"
	"testing"
)

// pemBlock returns a private key of n lines as in a file.
func pemBlock(kind string, n int) (head, body, tail string) {
	line := alnum + alnum
	return "-----BEGIN " + kind + "-----", "MIIEowIBAAKCAQEA" + line[:48] + strings.Repeat("\n"+line, n-2) + "\n" + line[:30] + "==", "-----END " + kind + "-----"
}

func TestPEM(t *testing.T) {
	e := newEngine(t)
	for _, kind := range []string{"RSA PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"} {
		head, body, tail := pemBlock(kind, 6)
		whole := head + "\n" + body + "\n" + tail
		for _, c := range []string{
			"«" + whole + "»",
			"$ cat key\n«" + whole + "»\n$ ls\n",
			"$ cat key\n«" + head + "\n" + body + "»",
			"$ cat key\n«" + head + "\n" + body[:200] + "»",
			"«" + body[40:] + "\n" + tail + "»\n$ ls",
			"«" + body + "»",
			`{"key":"«` + strings.ReplaceAll(whole, "\n", `\n`) + `»","x":1}`,
			`"{\"private_key\":\"«` + strings.ReplaceAll(whole, "\n", `\\n`) + `»\",\"x\":1}"`,
			"KEY=\"«" + whole + "»\" make",
			"    «" + strings.ReplaceAll(whole, "\n", "\n    ") + "»\nx: y",
			"«" + head + "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0011\n\n" + body + "\n" + tail + "»\nls",
		} {
			checkMarked(t, e, c)
		}
	}
	head, body, tail := pemBlock("PGP PRIVATE KEY BLOCK", 6)
	checkMarked(t, e, "«"+head+"\n\n"+body+"\n=aB3d\n"+tail+"»\nls")
	for _, c := range []string{"-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY----- and -----END PRIVATE KEY-----", "grep 'BEGIN RSA PRIVATE KEY' -r ."} {
		checkMarked(t, e, c)
	}
}
