package convert

import (
	"strconv"

	"github.com/agentaudit/agentaudit/schema"
)

// callQueue are the calls that wait for their result in a log of hooks that gives them no ids. Its name is all that the
// hooks before and after a call have in common: session, tool, arguments. Of calls that are the same in all of it the
// first gets the first result.
type callQueue struct {
	src  *Source
	name schema.ID
}

func (q callQueue) place(n int) schema.ID { return q.name.Derive("place", strconv.Itoa(n)) }

// push adds a call, unless it waits already: the log is being read again.
func (q callQueue) push(key schema.ID) {
	for n := range MaxLinks {
		switch k, ok := q.src.linked(q.place(n)); {
		case ok && k == key:
			return
		case !ok:
			q.src.link(q.place(n), key)
			return
		}
	}
}

// head is the call that has waited longest.
func (q callQueue) head() (schema.ID, bool) { return q.src.linked(q.place(0)) }

// pop takes the call that has waited longest.
func (q callQueue) pop() (schema.ID, bool) {
	key, ok := q.head()
	if ok {
		q.shift(0)
	}
	return key, ok
}

// drop takes a call that has got its result by its id.
func (q callQueue) drop(key schema.ID) {
	for n := range MaxLinks {
		k, ok := q.src.linked(q.place(n))
		if !ok {
			return
		}
		if k == key {
			q.shift(n)
			return
		}
	}
}

// shift forgets the n-th call; those behind it move up.
func (q callQueue) shift(n int) {
	for ; ; n++ {
		next, ok := q.src.linked(q.place(n + 1))
		if !ok {
			q.src.unlink(q.place(n))
			return
		}
		q.src.link(q.place(n), next)
	}
}
