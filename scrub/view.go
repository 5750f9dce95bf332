package scrub

// view is a text without what disguises its words, and where each of its bytes stood.
type view struct {
	text string
	from []int32 // offset in the original of each byte, and of the end
}

// newView returns the view of s, and false when it would be s itself.
func newView(s string) (view, bool) { return view{}, false }

// readView reads the view and adds what it finds, mapped back to s.
func (e *Engine) readView(sc *scan, v view, s string) *scan { return sc }
