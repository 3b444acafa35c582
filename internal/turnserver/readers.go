package turnserver

import "sync"

// readers counts who waits for the network, until nobody may any more. The zero value is
// open.
type readers struct {
	mu     sync.Mutex
	closed bool
	inside sync.WaitGroup
}

// enter says whether it was still open; who entered must leave.
func (r *readers) enter() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.inside.Add(1)
	}
	return !r.closed
}

func (r *readers) leave() { r.inside.Done() }

// shut lets nobody enter any more.
func (r *readers) shut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
}

// wait waits, after shut, until everybody has left.
func (r *readers) wait() { r.inside.Wait() }
