package scrub

const (
	maxPrograms = 64
	maxWords    = 48
)

type word struct{ start, end int }

type program struct{}
