package convert

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/agentaudit/agentaudit/schema"
	"github.com/agentaudit/agentaudit/schema/value"
)

// A program may print its JSON over several lines (Gemini CLI's telemetry file, anything written with an indent), and tail
// hands over every line as a record. Such lines are put together here again:
//
//	{                        begins at the start of its line and is left open at its end
//	  "attributes": {        goes on indented,
//	  }
//	}                        and ends with the bracket that closes it; the whole is then one record, named by its first line
//
// The lines are held in the Source, which is stored (scrubbed) before Fluent Bit is told that they were taken. When what
// comes next does not go on with them, when they are no JSON after all, when they grow beyond maxPartial, or when nothing
// comes for a while (Flush), each is kept as the line of text that it was.

// Partial is the beginning of a JSON value of which the rest has not come yet.
type Partial struct {
	Text  string         // its lines, each with its end; "" when there are none
	First schema.ID      // identity of the first line
	Known *schema.Action // what the wrapping said of the first line; nil when there are none

	nesting value.Nesting // behind Text[:fed]
	fed     int
}

// maxPartial is how many bytes of lines are held.
const maxPartial = 256 << 10

// hold takes a record that is a line of a value printed over several. It returns false when the record is to be converted
// by itself; what was held before it and does not go with it has then been emitted as text.
func (c *Converter) hold(src *Source, in *Input, emit Emit) bool {
	p, line := &src.Partial, in.content
	if p.Text == "" {
		return p.begin(in)
	}
	if p.has(in) {
		return true
	}
	if !goesOn(line) || len(p.Text)+len(line) > maxPartial {
		c.Flush(src, emit)
		return p.begin(in)
	}
	p.Text += line + "\n"
	end := p.feed()
	switch {
	case p.nesting.InString: // which a line's end cannot stand in
		c.Flush(src, emit)
	case end >= 0:
		c.complete(src, in, end, emit)
	}
	return true
}

// feed reads what has been added to Text and returns the index behind the value's end, -1 if it is still open.
func (p *Partial) feed() int {
	if p.fed > len(p.Text) {
		p.fed, p.nesting = 0, value.Nesting{}
	}
	end := p.nesting.Feed(p.Text[p.fed:])
	if end >= 0 {
		end += p.fed
	}
	p.fed = len(p.Text)
	return end
}

// begin holds a line that opens a value and leaves it open.
func (p *Partial) begin(in *Input) bool {
	line := in.content
	if in.Body.Kind() != value.String || line == "" || line[0] != '{' && line[0] != '[' {
		return false
	}
	if inside := strings.TrimSpace(line[1:]); inside != "" && !strings.ContainsRune(`"{[`, rune(inside[0])) {
		return false
	}
	if last := strings.TrimRight(line, " \t"); !strings.ContainsRune("{[,", rune(last[len(last)-1])) {
		return false
	}
	var n value.Nesting
	if n.Feed(line+"\n") >= 0 || n.InString {
		return false
	}
	*p = Partial{Text: line + "\n", First: in.ID(), Known: in.Known.Clone(), nesting: n, fed: len(line) + 1}
	return true
}

// goesOn says whether a line may be inside a value that was begun at the start of a line.
func goesOn(line string) bool {
	return line != "" && strings.ContainsRune(" \t}]", rune(line[0]))
}

// has says whether the very line is held already: Fluent Bit has sent it again.
func (p *Partial) has(in *Input) bool {
	from, at := p.Known.Infrastructure.LogOffset, in.Known.Infrastructure.LogOffset
	i := at.N - from.N
	return from.Set && at.Set && i >= 0 && i < int64(len(p.Text)) && strings.HasPrefix(p.Text[i:], in.content+"\n")
}

// complete converts the value that ends at end, if it is one.
func (c *Converter) complete(src *Source, in *Input, end int, emit Emit) {
	p := src.Partial
	rest := strings.TrimSpace(p.Text[end:])
	doc := new(value.Doc)
	v, err := doc.ParseJSON(p.Text[:end])
	if err != nil || rest != "" && rest != "," {
		c.Flush(src, emit)
		return
	}
	src.Partial = Partial{}
	one := Input{Body: v, Known: *p.Known, Source: in.Source, content: p.Text[:end], id: p.First}
	one.unwrapInner(doc)
	one.whole = one.Body
	if one.Known.Time.IsZero() {
		one.Known.Time = in.Known.Time
	}
	c.dispatch(src, &one, emit)
}

// Flush emits the lines that a source holds, each as a line of text: the rest of their value does not come.
func (c *Converter) Flush(src *Source, emit Emit) {
	p := src.Partial
	src.Partial = Partial{}
	text := strings.TrimSuffix(p.Text, "\n")
	if text == "" {
		return
	}
	offset := p.Known.Infrastructure.LogOffset
	for n, line := range strings.Split(text, "\n") {
		doc := new(value.Doc)
		one := Input{Body: doc.Text(line), Known: *p.Known, content: line, id: p.First}
		if n > 0 {
			one.id = schema.MakeID(p.First.String(), "line", strconv.Itoa(n))
		}
		if one.Known.Infrastructure.LogOffset = offset; offset.Set {
			offset.N += int64(len(line)) + 1
		}
		one.Body = doc.Text(strings.TrimRightFunc(line, unicode.IsSpace))
		c.fallback.Convert(src, &one, emit)
	}
}
