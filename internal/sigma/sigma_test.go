package sigma

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// head is what a rule needs around its detection.
const head = `
title: A test
id: 11111111-2222-3333-4444-555555555555
author: Nobody
level: high
tags: [attack.execution, attack.t1059.004]
logsource: {category: process_creation, product: linux}
detection:
`

func parseOne(t testing.TB, detection string) *Rule {
	t.Helper()
	rules, _, err := Parse([]byte(head + detection))
	if err != nil || len(rules) != 1 {
		t.Fatalf("%v, %d rules of %s", err, len(rules), detection)
	}
	return &rules[0]
}

func matches(r *Rule, command string) bool {
	program, _, _ := strings.Cut(command, " ")
	set := &Set{Rules: []Rule{*r}}
	found := false
	set.Match(&Event{Image: "/usr/bin/" + program, CommandLine: command, User: "root"}, func(int) { found = true })
	return found
}

// TestModifiers has, for each modifier and form of value, a command that must match and one that must not.
func TestModifiers(t *testing.T) {
	for _, c := range []struct{ name, selection, yes, no string }{
		{"equal", `{CommandLine: 'rm -rf /'}`, "RM -rf /", "rm -rf /x"},
		{"list", `{CommandLine: [a, b]}`, "b", "c"},
		{"several fields", `{Image: '/usr/bin/nc', CommandLine|contains: '-e'}`, "nc -e", "ncat -e"},
		{"list of maps", `[{Image|endswith: /nc}, {CommandLine|contains: ncat}]`, "ncat x", "socat x"},
		{"contains", `{CommandLine|contains: 'Evil'}`, "x EVIL y", "x good y"},
		{"contains all", `{CommandLine|contains|all: [a1, b2]}`, "x b2 a1", "x a1"},
		{"startswith", `{CommandLine|startswith: 'curl '}`, "curl x", "a curl x"},
		{"endswith", `{CommandLine|endswith: '| sh'}`, "curl x | sh", "curl x | sh -"},
		{"wildcards", `{CommandLine: 'cp */shadow ?tmp*'}`, "cp /etc/shadow /tmp/x", "cp /etc/shadow /a/x"},
		{"wildcard in the middle", `{CommandLine|contains: 'a*z'}`, "x abcz y", "x za y"},
		{"escaped wildcard", `{CommandLine|contains: 'rm \*'}`, "rm *", "rm x"},
		{"backslash", `{CommandLine|contains: 'a\b'}`, `x a\b`, "x ab"},
		{"question mark alone", `{CommandLine: 'l?'}`, "ls", "lsx"},
		{"star alone", `{CommandLine: '*'}`, "x", ""},
		{"re", `{CommandLine|re: '\s-[FTd]\s'}`, "curl -F a", "curl -f a"},
		{"re i", `{CommandLine|re|i: '^CURL\b'}`, "curl x", "curlx"},
		{"cased", `{CommandLine|contains|cased: ' -T'}`, "curl -T x", "curl -t x"},
		{"windash", `{CommandLine|contains|windash: ' -enc'}`, "p /enc x", "p enc x"},
		{"windash of a dash", `{CommandLine|contains|windash: ' -enc'}`, "p –enc x", "p +enc x"},
		{"base64", `{CommandLine|contains|base64: 'rm -rf /'}`, "x cm0gLXJmIC8=", "x cm0gLXJmIC9="},
		{"base64 the other way round", `{CommandLine|base64|contains: 'rm -rf /'}`, "x cm0gLXJmIC8=", "rm -rf /"},
		{"base64offset 0", `{CommandLine|base64offset|contains: '/bin/sh'}`, "x L2Jpbi9zaA==", "x L2Jpbi9zdA=="},
		{"base64offset 1", `{CommandLine|base64offset|contains: '/bin/sh'}`, "x YS9iaW4vc2g=", "x YS9iaW4vYmE="},
		{"base64offset 2", `{CommandLine|base64offset|contains: '/bin/sh'}`, "x YWEvYmluL3No", "x YWEvYmluL3Rp"},
		{"wide base64offset", `{CommandLine|wide|base64offset|contains: 'http'}`, "x aAB0AHQAcAA=", "x aHR0cA=="},
		{"cidr", `{User|cidr: '10.0.0.0/8'}`, "", "x"},
		{"lt", `{User|lt: 5}`, "", "x"},
		{"exists", `{User|exists: true}`, "x", ""},
		{"not there", `{ParentImage|exists: false}`, "x", ""},
		{"null", `{ParentImage: null}`, "x", ""},
		{"empty", `{ParentImage: ''}`, "x", ""},
		{"unknown field", `{ParentImage|endswith: x}`, "", "x"},
		{"fieldref", `{CommandLine|fieldref: Image}`, "", "x"},
		{"number", `{CommandLine|contains: 4444}`, "nc h 4444", "nc h 44"},
		{"keywords", `[evil, worse]`, "x WORSE", "x"},
		{"keyword", `evil`, "x evil", "x"},
		{"keywords all", `{'|all': [a1, b2]}`, "a1 b2", "a1"},
	} {
		r := parseOne(t, "  selection: "+c.selection+"\n  condition: selection\n")
		if c.yes != "" && !matches(r, c.yes) {
			t.Errorf("%s does not match %q", c.name, c.yes)
		}
		if c.no != "" && matches(r, c.no) {
			t.Errorf("%s matches %q", c.name, c.no)
		}
	}
}

// TestNumbersAndNetworks compares fields that hold such.
func TestNumbersAndNetworks(t *testing.T) {
	for _, c := range []struct {
		selection, user string
		want            bool
	}{
		{`{User|cidr: '10.0.0.0/8'}`, "10.1.2.3", true},
		{`{User|cidr: ['192.168.0.0/16', '10.0.0.0/8']}`, "::ffff:10.1.2.3", true},
		{`{User|cidr: '10.0.0.0/8'}`, "11.1.2.3", false},
		{`{User|cidr: 'fe80::/10'}`, "fe80::1", true},
		{`{User|gte: 1000}`, "1000", true},
		{`{User|gt: 1000}`, "1000", false},
		{`{User|lt: 5}`, "4", true},
		{`{User|lte: 5}`, "6", false},
	} {
		r := parseOne(t, "  selection: "+c.selection+"\n  condition: selection\n")
		found := false
		(&Set{Rules: []Rule{*r}}).Match(&Event{CommandLine: "x", User: c.user}, func(int) { found = true })
		if found != c.want {
			t.Errorf("%s on %s: %v", c.selection, c.user, found)
		}
	}
}

func TestConditions(t *testing.T) {
	const parts = `
  sel_a: {CommandLine|contains: aa}
  sel_b: {CommandLine|contains: bb}
  filter_c: {CommandLine|contains: cc}
  condition: `
	for condition, want := range map[string][2]string{
		"sel_a":                               {"aa", "bb"},
		"sel_a and sel_b":                     {"aa bb", "aa"},
		"sel_a or sel_b":                      {"bb", "cc"},
		"sel_a and not filter_c":              {"aa", "aa cc"},
		"not sel_a":                           {"bb", "aa"},
		"not not sel_a":                       {"aa", "bb"},
		"1 of sel_*":                          {"bb", "cc"},
		"any of sel_*":                        {"bb", "cc"},
		"all of sel_*":                        {"bb aa", "bb"},
		"2 of them":                           {"aa cc", "aa"},
		"1 of them":                           {"cc", "dd"},
		"all of them":                         {"aa bb cc", "aa bb"},
		"sel_a or sel_b and filter_c":         {"aa", "bb"},
		"(sel_a or sel_b) and filter_c":       {"bb cc", "aa"},
		"sel_a and (sel_b or not (filter_c))": {"aa", "aa cc"},
		"all of sel_* and not 1 of filter_*":  {"aa bb", "aa bb cc"},
		"(sel_a AND sel_b) OR (filter_c and sel_a)": {"aa cc", "cc"},
		"[sel_a, filter_c]":                         {"cc", "bb"},
	} {
		r := parseOne(t, parts+condition+"\n")
		if !matches(r, want[0]) || matches(r, want[1]) {
			t.Errorf("%s: on %q %v, on %q %v", condition, want[0], matches(r, want[0]), want[1], matches(r, want[1]))
		}
	}
}

// TestRefused holds that what cannot be evaluated is told, and never taken for a rule that does not match.
func TestRefused(t *testing.T) {
	for detection, want := range map[string]string{
		"  a: {CommandLine: x}\n  condition: b\n":                              `no selection "b"`,
		"  a: {CommandLine: x}\n  condition: a and\n":                          "no selection",
		"  a: {CommandLine: x}\n  condition: (a\n":                             "bracket",
		"  a: {CommandLine: x}\n  condition: a b\n":                            `"b"`,
		"  a: {CommandLine: x}\n  condition: a | count() > 5\n":                `"|"`,
		"  a: {CommandLine: x}\n  condition: 1 of b*\n":                        `"b*"`,
		"  a: {CommandLine: x}\n  condition: some of a*\n":                     `"some"`,
		"  a: {CommandLine: x}\n":                                              "no condition",
		"  a: {CommandLine|expand: x}\n  condition: a\n":                       `"expand"`,
		"  a: {CommandLine|re: '(?=x)'}\n  condition: a\n":                     "regular expression",
		"  a: {CommandLine|cidr: x}\n  condition: a\n":                         "no network",
		"  a: {CommandLine|gt: x}\n  condition: a\n":                           "no number",
		"  a: {CommandLine|contains|endswith: x}\n  condition: a\n":            "together",
		"  a: {}\n  condition: a\n":                                            "empty",
		"  a: [[x]]\n  condition: a\n":                                         "neither text nor number",
		"  a: {CommandLine: x}\n  timeframe: 5m\n  condition: a\n":             "time frame",
		"  a: {CommandLine: x}\n  condition: " + strings.Repeat("(", 99) + "a": "deeper",
	} {
		rules, _, err := Parse([]byte(head + detection))
		if err == nil || !strings.Contains(err.Error(), want) || len(rules) > 0 {
			t.Errorf("%s: error %v lacks %q", detection, err, want)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Load(dir); err == nil {
		t.Error("a folder without rules is no error")
	}
	good := head + "  a: {CommandLine: x}\n  condition: a\n"
	write("sub/good.yml", good+"---"+strings.Replace(good, "11111111", "22222222", 1))
	write("windows.yaml", strings.Replace(good, "linux", "windows", 1))
	write("bad.yml", head+"  a: {CommandLine|expand: secret}\n  condition: a\n")
	write("broken.yml", "a: [")
	write("readme.txt", "no rule")
	set, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Rules) != 2 || set.Other != 1 || len(set.Problems) != 2 {
		t.Fatalf("%d rules, %d others, %v", len(set.Rules), set.Other, set.Problems)
	}
	r := set.Rules[0]
	if r.Level != "high" || r.Author != "Nobody" || !slices.Equal(r.Techniques, []string{"T1059.004"}) || !slices.Equal(r.Tactics, []string{"execution"}) {
		t.Errorf("%+v", r)
	}
	for _, p := range set.Problems {
		if strings.Contains(p.Error(), "secret") {
			t.Errorf("a value is quoted: %v", p)
		}
	}
	again, err := Load(dir)
	if err != nil || again.Digest() != set.Digest() {
		t.Errorf("%v, digests %s and %s", err, set.Digest(), again.Digest())
	}
}

// FuzzParse holds that no file makes the parser or an evaluation panic.
func FuzzParse(f *testing.F) {
	f.Add(head+"  a: {CommandLine|contains|all: ['x*', '?y\\*']}\n  b: [x, {Image|re|i: '^a'}]\n  condition: 1 of them and not (a or b)\n", "x y")
	f.Add(head+"  a: {CommandLine|wide|base64offset|contains: x, User|cidr: 10.0.0.0/8}\n  condition: all of a*\n", "")
	f.Fuzz(func(t *testing.T, text, command string) {
		rules, _, err := Parse([]byte(text))
		if err != nil {
			return
		}
		(&Set{Rules: rules}).Match(&Event{Image: command, CommandLine: command, User: "10.1.1.1"}, func(int) {})
	})
}
