// Package doctor finds out whether a store is well, by using it: it plants a canary record through the very exporter,
// and finds it by the questions that people ask.
package doctor

// Levels of a finding.
const (
	Fine    = "fine"
	Warning = "warning"
	Error   = "error"
)

// Finding is what one check found.
type Finding struct {
	Check string `json:"check"`
	Level string `json:"level"`
	Text  string `json:"text"`
}

// findings collects.
type findings struct {
	report func(Finding)
	bad    bool
}

func (f *findings) add(check, level, text string) {
	f.bad = f.bad || level == Error
	f.report(Finding{check, level, text})
}

// result adds a finding that is fine, or what is wrong.
func (f *findings) result(check, fine string, err error) {
	if err != nil {
		f.add(check, Error, err.Error())
		return
	}
	f.add(check, Fine, fine)
}
