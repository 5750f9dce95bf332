package convert

// formats lists every format in order of detection; the last one takes anything.
func formats(o Options) []Format {
	return []Format{
		&claude{prompts: o.Prompts},
		&codex{prompts: o.Prompts},
		&text{},
	}
}
