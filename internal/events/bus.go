package events

import (
	"sync"
	"time"
)

// Bus hands events to those who listen. A nil Bus has no listeners. All methods may be
// called by any goroutine.
type Bus struct {
	mu        sync.Mutex
	listeners map[*Listener]struct{}
}

// NewBus makes a bus. It keeps no goroutine, and need not be closed.
func NewBus() *Bus { return &Bus{listeners: make(map[*Listener]struct{})} }

// Publish tells all listeners, and waits for none. It may be called with locks held.
func (b *Bus) Publish(d Data) {
	if b == nil {
		return
	}
	e := Event{At: time.Now(), Name: d.name(), Data: d}
	b.mu.Lock()
	defer b.mu.Unlock()
	for l := range b.listeners {
		if l.wanted == nil || l.wanted(d) {
			l.add(e)
		}
	}
}

// Listen begins to keep events until they are taken, size of them at most; with 0 the
// listener learns that there were some. wanted, nil for all, says which: it is called by who
// publishes, and looks at nothing but its argument. Close ends it.
func (b *Bus) Listen(size int, wanted func(Data) bool) *Listener {
	l := &Listener{bus: b, ready: make(chan struct{}, 1), wanted: wanted, size: size}
	if b != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.listeners[l] = struct{}{}
	}
	return l
}

// Listener is one who listens. It belongs to one goroutine.
type Listener struct {
	// Set by Listen, read-only afterwards.
	bus    *Bus
	ready  chan struct{}
	wanted func(Data) bool
	size   int

	// Guarded by the bus.
	queue  []Event // a ring, made with the first event
	first  int     // the oldest
	n      int
	missed int
}

// add keeps one more. The bus is locked.
func (l *Listener) add(e Event) {
	switch {
	case l.size == 0:
		l.missed++
	case l.n == l.size:
		l.queue[l.first] = e
		l.first = (l.first + 1) % l.size
		l.missed++
	default:
		if l.queue == nil {
			l.queue = make([]Event, l.size)
		}
		l.queue[(l.first+l.n)%l.size] = e
		l.n++
	}
	select {
	case l.ready <- struct{}{}:
	default: // it knows
	}
}

// Ready receives when something has come since Take, or since it was received from. Who
// reads the state after that, or after Take, has seen what has happened.
func (l *Listener) Ready() <-chan struct{} { return l.ready }

// Take returns what has come, the oldest first, and how many events before that were lost
// because there was no room for them: the state is to be read anew then.
func (l *Listener) Take() (events []Event, missed int) {
	if l.bus == nil {
		return nil, 0
	}
	l.bus.mu.Lock()
	defer l.bus.mu.Unlock()
	select {
	case <-l.ready:
	default:
	}
	for i := range l.n {
		at := (l.first + i) % l.size
		events = append(events, l.queue[at])
		l.queue[at] = Event{} // is kept no longer than it has to be
	}
	missed = l.missed
	l.first, l.n, l.missed = 0, 0, 0
	return events, missed
}

// Close ends listening. A second call does nothing.
func (l *Listener) Close() {
	if l.bus == nil {
		return
	}
	l.bus.mu.Lock()
	defer l.bus.mu.Unlock()
	delete(l.bus.listeners, l)
}
