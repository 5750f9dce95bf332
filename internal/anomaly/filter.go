package anomaly

// filter is a set of digests that holds the last 1,500 to 3,000 that were used: a Bloom filter of two generations. What is
// found only in the old one is put into the new one as well; when that is full it becomes the old one. Of new names, one
// in some 400 is taken for known.
type filter struct {
	bits  [2][filterWords]uint64 // the current generation, the one before
	count uint64                 // put into the current one
}

const (
	filterWords = 512 // 4 KB: 32,768 bits a generation
	filterFull  = 1500
	filterKeys  = 5
)

// add puts a digest in; known says whether it was there, changed whether the filter is another now.
func (f *filter) add(h uint64) (known, changed bool) {
	if f.has(0, h) {
		return true, false
	}
	known = f.has(1, h)
	for k := range filterKeys {
		bit := position(h, k)
		f.bits[0][bit/64] |= 1 << (bit % 64)
	}
	if f.count++; f.count >= filterFull {
		f.bits[1], f.bits[0], f.count = f.bits[0], [filterWords]uint64{}, 0
	}
	return known, true
}

func (f *filter) has(generation int, h uint64) bool {
	for k := range filterKeys {
		bit := position(h, k)
		if f.bits[generation][bit/64]&(1<<(bit%64)) == 0 {
			return false
		}
	}
	return true
}

// position is the kth of a digest's bits.
func position(h uint64, k int) uint64 {
	return (h + uint64(k)*(h>>32|1)) % (filterWords * 64)
}

// words and setWords are the stored form: the count, then both generations.
func (f *filter) words(dst []uint64) []uint64 {
	dst = append(dst, f.count)
	dst = append(dst, f.bits[0][:]...)
	return append(dst, f.bits[1][:]...)
}

func (f *filter) setWords(w []uint64) bool {
	if len(w) != 1+2*filterWords {
		return false
	}
	f.count = w[0]
	copy(f.bits[0][:], w[1:])
	copy(f.bits[1][:], w[1+filterWords:])
	return true
}
