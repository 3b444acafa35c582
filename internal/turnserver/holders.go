package turnserver

import (
	"net"
	"net/netip"
	"sync"
)

// holder is a client with a relay, as pion tells clients apart: by where its packets come
// from, the transport, and whose credentials made the relay. The server's address, the
// rest of the 5-tuple of RFC 8656 3, is left out: pion does not tell it of a request.
type holder struct {
	client  netip.AddrPort
	stream  bool // TCP or TLS
	session string
}

func holderOf(src net.Addr, session string) holder {
	var client netip.AddrPort
	tcp, stream := src.(*net.TCPAddr)
	if stream {
		client = tcp.AddrPort()
	} else if udp, ok := src.(*net.UDPAddr); ok {
		client = udp.AddrPort()
	}
	return holder{client: netip.AddrPortFrom(client.Addr().Unmap(), client.Port()), stream: stream, session: session}
}

// holders counts the relays of clients. All methods may be called by any goroutine.
type holders struct {
	mu     sync.Mutex
	relays map[holder]int
}

func newHolders() *holders { return &holders{relays: make(map[holder]int)} }

// created and deleted are for turn.EventHandler.
func (h *holders) created(src, _ net.Addr, _, session, _ string, _ net.Addr, _ int) {
	h.count(src, session, 1)
}

func (h *holders) deleted(src, _ net.Addr, _, session, _ string) { h.count(src, session, -1) }

func (h *holders) count(src net.Addr, session string, change int) {
	key := holderOf(src, session)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.relays[key] += change; h.relays[key] == 0 {
		delete(h.relays, key)
	}
}

// has says whether a client has a relay of a session.
func (h *holders) has(src net.Addr, session string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.relays[holderOf(src, session)] > 0
}
