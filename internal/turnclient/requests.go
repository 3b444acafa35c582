package turnclient

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/pion/stun/v4"
)

// Permit makes the server relay packets from an address before we have sent any there.
func (a *Allocation) Permit(addr netip.Addr) {
	if addr = addr.Unmap(); addr.Is4() == a.relayed.Addr().Is4() && a.ctx.Err() == nil {
		if permission, _, _ := a.peers.way(netip.AddrPortFrom(addr, 0), time.Now().UnixNano()); permission == nil {
			a.permit(netip.AddrPortFrom(addr, 0), nil)
		}
	}
}

// permit asks for a permission and sends the last packet when it is there.
func (a *Allocation) permit(to netip.AddrPort, packet []byte) {
	a.peers.mu.Lock()
	defer a.peers.mu.Unlock()
	p := a.peers.permissions[to.Addr()]
	if p == nil {
		if a.ctx.Err() != nil || !a.peers.requests.take() {
			return // the packet is lost; checks are repeated
		}
		p = &permission{}
		p.used.Store(time.Now().UnixNano())
		a.peers.permissions[to.Addr()] = p
		a.workers.Go(func() { a.askPermission(to.Addr(), p) })
	}
	if p.state == asked && packet != nil {
		p.waiting, p.to = append(p.waiting[:0], packet...), to
	}
}

// askPermission runs with one of the requests' slots.
func (a *Allocation) askPermission(addr netip.Addr, p *permission) {
	defer a.peers.requests.give()
	err := a.transact(stun.MethodCreatePermission, peerAddress(netip.AddrPortFrom(addr, 0)))
	if a.hasFailed(err) {
		return
	}
	a.peers.mu.Lock()
	p.state, p.since = granted, time.Now()
	if err != nil {
		p.state = refused
	}
	waiting, to := p.waiting, p.to
	p.waiting = nil
	a.peers.mu.Unlock()
	if err == nil && waiting != nil {
		_, _ = a.WriteToAddrPort(waiting, to) // lost if it is refused now
	}
}

// hasFailed ends the allocation when a request got no answer at all, or the answer
// that there is no allocation.
func (a *Allocation) hasFailed(err error) bool {
	if err == nil {
		return false
	}
	refusal, answered := errors.AsType[*refusal](err)
	if answered && refusal.code != stun.CodeAllocMismatch {
		return false
	}
	a.fail(fmt.Errorf("%w: %w", ErrLost, err))
	return true
}

// bind asks for a channel to a peer.
func (a *Allocation) bind(to netip.AddrPort) {
	a.peers.mu.Lock()
	defer a.peers.mu.Unlock()
	if a.peers.channels[to] != nil || a.ctx.Err() != nil {
		return
	}
	number, ok := a.peers.number(time.Now())
	if !ok || !a.peers.requests.take() {
		return // without a channel it works as well
	}
	c := &channel{number: number}
	c.used.Store(time.Now().UnixNano())
	a.peers.channels[to] = c
	a.peers.numbers[number] = to // packets by the channel may overtake the answer
	a.workers.Go(func() { a.askChannel(to, c) })
}

// number returns a channel number that is free.
func (p *peers) number(now time.Time) (channelNumber, bool) {
	for range int(lastChannel-firstChannel) + 1 {
		number := p.next
		if p.next++; p.next > lastChannel {
			p.next = firstChannel
		}
		_, taken := p.numbers[number]
		if until, rests := p.resting[number]; rests && now.After(until) {
			delete(p.resting, number)
		}
		if _, rests := p.resting[number]; !taken && !rests {
			p.resting[number] = now.Add(channelLife + channelPause) // as if it were given up at once
			return number, true
		}
	}
	return 0, false
}

// askChannel runs with one of the requests' slots.
func (a *Allocation) askChannel(to netip.AddrPort, c *channel) {
	defer a.peers.requests.give()
	err := a.transact(stun.MethodChannelBind, c.number, peerAddress(to))
	if a.hasFailed(err) {
		return
	}
	a.peers.mu.Lock()
	defer a.peers.mu.Unlock()
	c.state, c.since = granted, time.Now()
	if err != nil {
		c.state = refused
		delete(a.peers.numbers, c.number)
	}
}

// maintain renews what is in use and forgets what is not, before the server does.
func (a *Allocation) maintain(now time.Time) {
	a.peers.mu.Lock()
	defer a.peers.mu.Unlock()
	for addr, p := range a.peers.permissions {
		age, idle := now.Sub(p.since), now.Sub(time.Unix(0, p.used.Load()))
		switch {
		case p.state == asked || p.state == renewed:
		case p.state == refused && age > refusedFor, p.state == granted && age > permissionLife-2*refreshInterval:
			delete(a.peers.permissions, addr)
		case p.state == granted && age > renewAge && idle < idleAge && a.peers.requests.take():
			p.state = renewed
			a.workers.Go(func() { a.askPermission(addr, p) })
		}
	}
	for to, c := range a.peers.channels {
		age, idle := now.Sub(c.since), now.Sub(time.Unix(0, c.used.Load()))
		switch {
		case c.state == asked || c.state == renewed:
		case c.state == refused && age > refusedFor, c.state == granted && age > channelLife-2*refreshInterval:
			delete(a.peers.channels, to)
			delete(a.peers.numbers, c.number)
			a.peers.resting[c.number] = now.Add(channelPause + 2*refreshInterval)
		case c.state == granted && age > renewAge && idle < idleAge && a.peers.requests.take():
			c.state = renewed
			a.workers.Go(func() { a.askChannel(to, c) })
		}
	}
}
