package convert

// formats lists every format in order of detection; the last one takes anything. What the agents write is told by its
// structure. A mapping is what somebody has said of their own logs, and goes before our native event; without one,
// generic takes nothing unless it is named.
func formats(o Options) ([]Format, error) {
	g, err := newGeneric(o.Mapping)
	if err != nil {
		return nil, err
	}
	g.named = o.Format == genericName
	return []Format{
		&claudeStream{prompts: o.Prompts},
		&otlpFormat{codexOtel, o.Prompts},
		&otlpFormat{claudeOtel, o.Prompts},
		&otlpFormat{genAIOtel, o.Prompts},
		&claudeHooks{prompts: o.Prompts},
		&copilotHooks{},
		&cascade{},
		&droid{prompts: o.Prompts},
		&claude{prompts: o.Prompts},
		&codex{prompts: o.Prompts},
		&miniSWE{prompts: o.Prompts},
		&sweAgent{},
		&atif{prompts: o.Prompts},
		&pi{prompts: o.Prompts},
		&kimi{prompts: o.Prompts},
		&opencode{},
		&goose{prompts: o.Prompts},
		&cursor{prompts: o.Prompts},
		&hermes{prompts: o.Prompts},
		&grok{prompts: o.Prompts},
		&mcp{},
		&spans{},
		&langSmith{},
		&copilot{prompts: o.Prompts},
		&sudo{},
		&openHands{},
		&k8sAudit{},
		&tetragon{},
		&gemini{prompts: o.Prompts},
		&qwen{prompts: o.Prompts},
		&vscode{prompts: o.Prompts},
		&clineUI{},
		&antigravity{prompts: o.Prompts},
		&cursorBubbles{},
		&kiro{prompts: o.Prompts},
		&continueDev{prompts: o.Prompts},
		&zed{prompts: o.Prompts},
		&amp{prompts: o.Prompts},
		&trae{prompts: o.Prompts},
		&inspectAI{},
		&agentsSDK{},
		&autoGen{},
		&aider{},
		&specStory{},
		&auditd{},
		&laurel{},
		&falco{},
		&tracee{},
		&osquery{},
		&shellHistory{},
		g,
		&toolEvents{},
		&steps{},
		&native{},
		&messages{prompts: o.Prompts},
		&text{},
	}, nil
}

// lastResorts are the formats at the end of the list: they take records of which they know little, and are asked when no
// other knows more.
var lastResorts = set("generic tool-events steps native messages text")
