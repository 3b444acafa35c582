package iceserver

import (
	"cmp"
	"slices"
	"time"
)

// A server moves up only when it is nearer by a quarter and by this much: an order
// that changed with every probe would tell clients nothing.
const nearer = 5 * time.Millisecond

// rank puts the servers in order. The caller holds mu.
//
// Hosts go by their nearest server, with hysteresis; servers of one host stay
// together, UDP before TCP before TLS: each of those costs more delay than the one
// before, and is there for clients behind stricter firewalls.
func (p *Prober) rank() {
	hosts := p.hosts()
	for range hosts { // a bubble sort: "clearly nearer" is no order that others can sort by
		for i := 1; i < len(hosts); i++ {
			if hosts[i].beats(hosts[i-1]) {
				hosts[i], hosts[i-1] = hosts[i-1], hosts[i]
			}
		}
	}
	p.order = p.order[:0]
	for _, h := range hosts {
		p.order = append(p.order, h.records...)
	}
}

// host is all servers under one name.
type host struct {
	name    string
	records []*record
	place   int // of its first server in the configured order
	state   State
	rtt     time.Duration // of the nearest; 0: not measured
}

// hosts groups the servers, in the order in which they are now.
func (p *Prober) hosts() []*host {
	var hosts []*host
	for _, r := range p.order {
		i := slices.IndexFunc(hosts, func(h *host) bool { return h.name == r.server.Host })
		if i < 0 {
			i = len(hosts)
			hosts = append(hosts, &host{name: r.server.Host, place: len(p.servers), state: Dead})
		}
		h := hosts[i]
		h.records = append(h.records, r)
		h.place = min(h.place, slices.Index(p.servers, r))
		if order(r.state) < order(h.state) {
			h.state = r.state
		}
		if r.state == Alive && (h.rtt == 0 || r.rtt < h.rtt) {
			h.rtt = r.rtt
		}
	}
	for _, h := range hosts {
		slices.SortStableFunc(h.records, func(a, b *record) int {
			return cmp.Or(order(a.state)-order(b.state), cost(a.server)-cost(b.server))
		})
	}
	return hosts
}

// beats says whether h should go before other, which is before it now.
func (h *host) beats(other *host) bool {
	if h.state != other.state {
		return order(h.state) < order(other.state)
	}
	if h.state == Alive {
		return h.rtt+max(nearer, other.rtt/4) < other.rtt
	}
	return h.place < other.place // nothing tells them apart but the operator's order
}

// order of preference by state.
func order(s State) int { return [...]int{Unknown: 1, Alive: 0, Dead: 2}[s] }

// cost of a transport, for the order among the servers of one host.
func cost(s Server) int {
	switch {
	case s.Scheme == SchemeSTUN:
		return 0
	case s.Transport == TransportUDP:
		return 1
	case s.Scheme == SchemeTURN:
		return 2
	}
	return 3
}
