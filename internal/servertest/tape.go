package servertest

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// Tape notes the sequence numbers of a viewer's track.
type Tape struct {
	mu      sync.Mutex
	numbers []uint16
}

// Record notes what arrives on the client's first track until the test ends. It
// returns when packets come steadily: a viewer begins with a keyframe of before, which
// the publisher may have sent before Steadily began to number anew.
func (c *Client) Record() *Tape {
	c.t.Helper()
	track := Wait(c.t, "the viewer's track", c.Tracks)
	tape := &Tape{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			packet, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			tape.mu.Lock()
			tape.numbers = append(tape.numbers, packet.SequenceNumber)
			tape.mu.Unlock()
		}
	}()
	c.t.Cleanup(func() { c.Leave(); <-done })
	Until(c.t, "steady packets", func() bool { return tape.Len() > 2 })
	return tape
}

// Len returns how many packets have come.
func (p *Tape) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.numbers)
}

// Holes waits for n packets after the first from ones and counts the holes among
// them, the one before the first of them included, and the packets that miss in
// them. A packet that came late, by another path, is not missing.
func (p *Tape) Holes(t testing.TB, from, n int) (holes, missing int) {
	t.Helper()
	Until(t, "packets", func() bool { return p.Len() >= from+n })
	p.mu.Lock()
	defer p.mu.Unlock()
	first := p.numbers[max(from-1, 0)]
	var order []int
	for _, number := range p.numbers[max(from-1, 0) : from+n] {
		order = append(order, int(int16(number-first))) //nolint:gosec // modulo 65536 is meant
	}
	slices.Sort(order)
	for i := 1; i < len(order); i++ {
		if order[i] > order[i-1]+1 {
			holes++
			missing += order[i] - order[i-1] - 1
		}
	}
	return holes, missing
}

// Steadily calls send every few milliseconds, numbered, until the test ends or
// stop is called.
func Steadily(t testing.TB, send func(seq uint16)) (stop func()) {
	t.Helper()
	ending, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for seq := uint16(100); ; seq++ {
			select {
			case <-tick.C:
				send(seq)
			case <-ending:
				return
			}
		}
	}()
	stop = sync.OnceFunc(func() { close(ending); <-ended })
	t.Cleanup(stop)
	return stop
}
