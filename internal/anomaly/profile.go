package anomaly

import (
	"fmt"
	"time"
)

// profile is what an agent, or an organisation, usually does.
type profile struct {
	actions     uint64
	first, last int64 // seconds of the earliest and the latest action
	hours       [hoursOfWeek]uint32
	hourTotal   uint64
	hourFlagged int64 // hour, since 1970, that was flagged last

	slice   int64  // number of the five minutes under way
	inSlice uint64 // actions in it
	slices  uint64 // before it, with actions
	mean    uint64 // actions a slice, in thousandths, recent ones counting more
	flagged bool   // the slice under way is

	// novelty is, for each kind of names, the share of recent actions that brought a new one, in 65,536ths.
	novelty [kinds]uint64
	known   filter
}

const (
	hoursOfWeek = 168
	hourWide    = 20_000          // actions counted by hour before all counts are halved
	hourLeast   = 500             // actions before an hour can be unusual
	hourSpan    = 14 * 24 * 3600  // and seconds
	hourShare   = 200             // an hour with its neighbours is unusual below one in so many actions
	sliceLength = 300             // seconds
	burstSlices = 12              // slices with actions before there can be a burst
	burstLeast  = 60              // actions in a slice
	burstTimes  = 4               // times the mean
	noveltyOne  = 1 << 16         // all of the recent actions
	noveltyMost = noveltyOne / 20 // beyond it, new names are nothing new
	noveltyAge  = 64              // actions over which the share is taken
)

func newProfile() *profile {
	p := &profile{}
	for k := range p.novelty {
		p.novelty[k] = noveltyOne
	}
	return p
}

// warm says whether the profile has learnt enough to judge by, before an action at that time.
func (p *profile) warm(o *Options, at int64) bool {
	return p.actions >= uint64(o.WarmUpActions) && max(p.last, at)-p.first >= int64(o.WarmUp/time.Second)
}

// count takes an action in. It returns whether its hour is unusual and whether its five minutes are a burst.
func (p *profile) count(o *Options, at int64) (unusual, burst bool) {
	warm := p.warm(o, at)
	if p.actions++; p.actions == 1 {
		p.first, p.last = at, at
	}
	p.first, p.last = min(p.first, at), max(p.last, at)
	return p.hour(at) && warm, p.pace(at) && warm
}

// hour counts the action's hour of the week, and says whether it was unusual; once for each hour of each day.
func (p *profile) hour(at int64) bool {
	h := int(time.Unix(at, 0).UTC().Weekday())*24 + time.Unix(at, 0).UTC().Hour()
	around := uint64(p.hours[h]) + uint64(p.hours[(h+1)%hoursOfWeek]) + uint64(p.hours[(h+hoursOfWeek-1)%hoursOfWeek])
	unusual := p.hourTotal >= hourLeast && p.last-p.first >= hourSpan && around*hourShare < p.hourTotal && p.hourFlagged != at/3600
	if unusual {
		p.hourFlagged = at / 3600
	}
	p.hours[h]++
	if p.hourTotal++; p.hourTotal < hourWide {
		return unusual
	}
	p.hourTotal = 0
	for i := range p.hours {
		p.hours[i] /= 2
		p.hourTotal += uint64(p.hours[i])
	}
	return unusual
}

// pace counts the action into its five minutes, and says whether it makes a burst of them; once for each. What comes
// with an older time, as when old logs are read, does not count.
func (p *profile) pace(at int64) bool {
	switch n := at / sliceLength; {
	case n < p.slice:
		return false
	case n > p.slice:
		if p.inSlice > 0 {
			p.learnPace()
		}
		p.slice, p.inSlice, p.flagged = n, 0, false
	}
	p.inSlice++
	burst := !p.flagged && p.slices >= burstSlices && p.inSlice >= burstLeast && p.inSlice*1000 > burstTimes*p.mean
	p.flagged = p.flagged || burst
	return burst
}

func (p *profile) learnPace() {
	if p.slices++; p.slices == 1 {
		p.mean = p.inSlice * 1000
		return
	}
	p.mean = (15*p.mean + p.inSlice*1000) / 16
}

// see takes the names of one kind in. It returns the number of the first that is new, -1 if none is or if so many have
// been new of late that one more says nothing. changed says whether the filter is another now.
func (p *profile) see(k kind, names []string) (fresh int, changed bool) {
	fresh = -1
	for i, name := range names {
		known, c := p.known.add(digest(k, name))
		changed = changed || c
		if !known && fresh < 0 {
			fresh = i
		}
	}
	if len(names) == 0 {
		return -1, false
	}
	settled := p.novelty[k] < noveltyMost
	p.novelty[k] -= p.novelty[k] / noveltyAge
	if fresh >= 0 {
		p.novelty[k] += noveltyOne / noveltyAge
	}
	if !settled {
		fresh = -1
	}
	return fresh, changed
}

// digest is FNV-1a over the kind and the name.
func digest(k kind, name string) uint64 {
	h := uint64(14695981039346656037) ^ uint64(k)
	for i := 0; i < len(name); i++ {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	h ^= h >> 29
	return h * 0x9E3779B97F4A7C15
}

// words are the stored form of all but the filter.
func (p *profile) words(dst []uint64) []uint64 {
	flagged := uint64(0)
	if p.flagged {
		flagged = 1
	}
	dst = append(dst, p.actions, uint64(p.first), uint64(p.last), p.hourTotal, uint64(p.hourFlagged),
		uint64(p.slice), p.inSlice, p.slices, p.mean, flagged)
	dst = append(dst, p.novelty[:]...)
	for i := 0; i < hoursOfWeek; i += 2 {
		dst = append(dst, uint64(p.hours[i])<<32|uint64(p.hours[i+1]))
	}
	return dst
}

const profileWords = 10 + int(kinds) + hoursOfWeek/2

func (p *profile) setWords(w []uint64) error {
	if len(w) != profileWords {
		return fmt.Errorf("anomaly: a profile of %d words, want %d", len(w), profileWords)
	}
	p.actions, p.first, p.last, p.hourTotal, p.hourFlagged = w[0], int64(w[1]), int64(w[2]), w[3], int64(w[4])
	p.slice, p.inSlice, p.slices, p.mean, p.flagged = int64(w[5]), w[6], w[7], w[8], w[9] == 1
	copy(p.novelty[:], w[10:])
	for i := 0; i < hoursOfWeek; i += 2 {
		v := w[10+int(kinds)+i/2]
		p.hours[i], p.hours[i+1] = uint32(v>>32), uint32(v)
	}
	return nil
}
