package risk

import (
	"slices"
	"strings"
	"testing"
)

// sigmaRule is a rule of our own in Sigma's form.
const sigmaRule = `
title: Copies the tool under test
id: 0f0f0f0f-1111-2222-3333-444444444444
author: Robin Example
level: critical
tags: [attack.persistence, attack.t1543.002]
logsource: {category: process_creation, product: linux}
detection:
  selection:
    Image|endswith: /frobctl
    CommandLine|contains|all: [' --install', ' now']
  filter: {CurrentDirectory|startswith: /work/}
  condition: selection and not filter
---
title: Pipes into frob
id: 0f0f0f0f-1111-2222-3333-555555555555
level: low
tags: [attack.impact]
logsource: {category: process_creation, product: linux}
detection:
  shell: {CommandLine|startswith: 'bash -c ', CommandLine|contains: '| frob'}
  wrapper: {Image|endswith: /nohup, CommandLine|contains: ' frob'}
  written: {CommandLine|contains: 'frobctl x > /srv/frob'}
  condition: 1 of them
`

func TestSigma(t *testing.T) {
	path := ownRules(t, sigmaRule)[0]
	e, err := New(Options{Sigma: path})
	if err != nil {
		t.Fatal(err)
	}
	const first, second = "sigma:0f0f0f0f-1111-2222-3333-444444444444", "sigma:0f0f0f0f-1111-2222-3333-555555555555"
	for _, c := range []struct {
		command, cwd string
		want         []string
	}{
		{"frobctl --install x now", "", []string{first}},
		{"sudo bash -c 'cd /tmp; ./bin/FROBCTL --install now'", "", []string{first}},
		{"frobctl --install now", "/work/x", nil},
		{"echo frobctl --install now", "", nil},
		{"cat x | frob", "", []string{second}},
		{"nohup frob &", "", []string{second}},
		{"frobctl x > /srv/frob", "", []string{second}},
		{"git commit -m 'a | frob'", "", nil},
	} {
		a := e.Assess(Subject{Command: c.command, Cwd: c.cwd})
		var got []string
		for _, r := range a.Rules {
			if strings.HasPrefix(r, "sigma:") {
				got = append(got, r)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.command, got, c.want)
		}
	}
	a := e.Assess(Subject{Command: "frobctl --install now"})
	if a.Score != 90 || a.Category != "persistence" || !slices.Equal(a.Techniques, []string{"T1543.002"}) || !strings.Contains(a.Reasons[0], "Robin Example") {
		t.Errorf("%+v", a)
	}
	if len(e.SigmaProblems()) > 0 || !strings.Contains(e.Ruleset(), "+sigma.") {
		t.Errorf("%v, rule set %q", e.SigmaProblems(), e.Ruleset())
	}
	if _, err := New(Options{Sigma: t.TempDir()}); err == nil {
		t.Error("a folder without rules is no error")
	}
	if a := mustNew(t).Assess(Subject{Command: "frobctl --install now"}); a.Score > 20 {
		t.Errorf("the built-in engine has Sigma's rules: %+v", a)
	}
}
