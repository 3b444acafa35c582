package signaling

import (
	"time"

	"porthole/internal/negotiate"
)

// StartForTest makes s a session of the table without HTTP, and returns its id.
func StartForTest(t *Table, s Session) string {
	e := &entry{
		id: newID(), role: negotiate.Watch, stream: "cam", since: time.Now(), session: s, done: make(chan struct{}),
	}
	if err := t.reserve(); err != nil {
		panic(err)
	}
	if err := t.start(e); err != nil {
		panic(err)
	}
	return e.id
}

// HoldTurns takes all turns to read descriptions until release is called.
func (t *Table) HoldTurns() (release func()) {
	for range cap(t.turns) {
		t.turns <- struct{}{}
	}
	return func() {
		for range cap(t.turns) {
			<-t.turns
		}
	}
}
