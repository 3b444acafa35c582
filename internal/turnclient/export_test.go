package turnclient

import (
	"time"

	"github.com/pion/stun/v4"
)

// GiveBack makes the server forget the allocation behind its owner's back.
func (a *Allocation) GiveBack() error {
	return a.transact(stun.MethodRefresh, lifetime(0))
}

// Maintain does what is done now and then, as if it were now.
func (a *Allocation) Maintain(now time.Time) { a.maintain(now) }

// Known returns how many addresses have a permission and how many peers a channel.
func (a *Allocation) Known() (permissions, channels int) {
	a.peers.mu.RLock()
	defer a.peers.mu.RUnlock()
	return len(a.peers.permissions), len(a.peers.numbers)
}

// Used says that a packet went to everybody at a moment.
func (a *Allocation) Used(at time.Time) {
	a.peers.mu.Lock()
	defer a.peers.mu.Unlock()
	for _, p := range a.peers.permissions {
		p.used.Store(at.UnixNano())
	}
	for _, c := range a.peers.channels {
		c.used.Store(at.UnixNano())
	}
}
