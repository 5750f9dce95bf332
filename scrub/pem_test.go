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

// TestPEMWithPrefixes reads keys whose lines a log, a tool or a program has put something before.
func TestPEMWithPrefixes(t *testing.T) {
	e := newEngine(t)
	lines := []string{"-----BEGIN PRIVATE" + " KEY-----", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj", alnum + alnum, alnum + "AAAA==", "-----END PRIVATE" + " KEY-----"}
	for _, f := range []string{
		"2026-04-26 12:36:01 %s\n", "#6 0.245 %s\n", "/etc/tls.key:%s\n", "src/key.go:14:\t%s\n", "     3\t%s\n", "+%s\n", "> %s\n", "  \"%s\\n\" +\n", "%s\\r\\n2026-04-26 12:36:01 ",
		"<14>1 2026-04-26T12:36:01.123456Z web-1 app 12 - - %s\n", "web_1  | %s\n", "\\\"%s\\\\n\\\"\n +   ",
	} {
		var b strings.Builder
		for _, l := range lines {
			b.WriteString(strings.ReplaceAll(f, "%s", l))
		}
		text := "cat key\n" + b.String() + "done: ok\n"
		clean, n := e.Text(text)
		if n != 1 || strings.Contains(clean, alnum[:16]) || strings.Contains(clean, "MIIEvQ") || !strings.Contains(clean, "done: ok") || !strings.Contains(clean, "cat key") {
			t.Errorf("%q: %d, %q", text, n, clean)
		}
	}
}
