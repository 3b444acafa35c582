package sentlog_test

import (
	"testing"

	"porthole/internal/broadcast/number"
	"porthole/internal/broadcast/sentlog"
)

func note(l *sentlog.Log, n uint64) {
	l.Note(n*10, n, uint32(n), number.Shift{}, 3, [8]byte{7: byte(n)}, [2]byte{1: byte(n)})
}

// What was sent is found by its number, over its wrap-around, and nothing else is.
func TestFind(t *testing.T) {
	l := sentlog.New(true, true)
	const first = 65_000
	last := uint64(66_500)
	for n := uint64(first); n <= last; n++ {
		note(&l, n)
	}
	for n := uint64(first); n <= last; n++ {
		p := l.Find(uint16(n), last)
		if there := last-n < sentlog.Packets; there != (p != nil) {
			t.Fatalf("packet %d: found %v", n, p)
		} else if !there {
			continue
		}
		transport, ok := l.Transport(p)
		if p.Pos != n*10 || p.Timestamp != uint32(n) || p.Carried() != 3 || l.Capture(p)[7] != byte(n) || !ok || byte(transport) != byte(n) {
			t.Fatalf("packet %d: %+v, transport-wide %d", n, p, transport)
		}
	}
	if p := l.Find(uint16(last+1), last); p != nil {
		t.Errorf("found what was not sent: %+v", p)
	}
}

func TestForget(t *testing.T) {
	l := sentlog.New(false, false)
	for n := uint64(100); n < 200; n++ {
		note(&l, n)
	}
	l.ForgetBefore(150)
	if l.Find(149, 199) != nil || l.Find(150, 199) == nil {
		t.Error("the border is not at 150")
	}
	if _, ok := l.Transport(l.Find(150, 199)); ok {
		t.Error("a number that is not kept")
	}
	l.Forget()
	if l.Find(199, 199) != nil {
		t.Error("something is left")
	}
	var none sentlog.Log
	note(&none, 1)
	if none.Keeps() || none.Find(1, 1) != nil {
		t.Error("the zero value remembers something")
	}
}

func TestNoteAllocatesNothing(t *testing.T) {
	l := sentlog.New(true, true)
	n := uint64(0)
	if got := testing.AllocsPerRun(1000, func() { n++; note(&l, n); l.Find(uint16(n), n) }); got != 0 {
		t.Errorf("%v allocations a packet", got)
	}
}
