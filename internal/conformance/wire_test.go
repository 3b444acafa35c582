package conformance_test

import (
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// wire is a client's UDP socket, which sees all that comes and goes and can be
// made to fail. Safe for concurrent use.
type wire struct {
	net.PacketConn
	dead atomic.Bool // nothing comes or goes

	mu       sync.Mutex
	dropIn   func([]byte) bool // may be nil; guarded by mu
	dropOut  func([]byte) bool // may be nil; guarded by mu
	kinds    []packetKind      // of what came, each once, in the order of the first; guarded by mu
	came     map[packetKind]int
	largest  int // of what came, in bytes; guarded by mu
	requests int // STUN requests that came; guarded by mu
}

// packetKind is what the first byte of a datagram says (RFC 7983).
type packetKind string

const (
	kindSTUN  packetKind = "STUN"
	kindDTLS  packetKind = "DTLS"
	kindRTP   packetKind = "RTP"
	kindRTCP  packetKind = "RTCP"
	kindOther packetKind = "other"
)

func kindOf(b []byte) packetKind {
	switch {
	case len(b) < 2:
		return kindOther
	case b[0] < 4:
		return kindSTUN
	case b[0] >= 20 && b[0] < 64:
		return kindDTLS
	case b[0] >= 128 && b[0] < 192 && b[1] >= 192 && b[1] <= 223: // RFC 5761
		return kindRTCP
	case b[0] >= 128 && b[0] < 192:
		return kindRTP
	}
	return kindOther
}

func newWire(t testing.TB) *wire {
	t.Helper()
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	if err := socket.SetReadBuffer(1 << 20); err != nil { // a busy moment must not lose packets here
		t.Fatal(err)
	}
	return &wire{PacketConn: socket, came: make(map[packetKind]int)}
}

func (w *wire) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, addr, err := w.PacketConn.ReadFrom(b)
		if err != nil || !w.lost(b[:n]) {
			return n, addr, err
		}
	}
}

// lost notes a datagram that came, and decides whether the client gets it.
func (w *wire) lost(b []byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead.Load() {
		return true
	}
	kind := kindOf(b)
	if !slices.Contains(w.kinds, kind) {
		w.kinds = append(w.kinds, kind)
	}
	w.came[kind]++
	w.largest = max(w.largest, len(b))
	if kind == kindSTUN && b[0] == 0 && b[1] == 1 { // a binding request
		w.requests++
	}
	return w.dropIn != nil && w.dropIn(b)
}

func (w *wire) WriteTo(b []byte, addr net.Addr) (int, error) {
	w.mu.Lock()
	lost := w.dead.Load() || w.dropOut != nil && w.dropOut(b)
	w.mu.Unlock()
	if lost {
		return len(b), nil
	}
	return w.PacketConn.WriteTo(b, addr)
}

// lose sets what is lost on the way in and out from now on; nil loses nothing.
func (w *wire) lose(in, out func([]byte) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dropIn, w.dropOut = in, out
}

// count returns how many datagrams of a kind came.
func (w *wire) count(kind packetKind) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.came[kind]
}

// order returns the kinds in the order in which they first came.
func (w *wire) order() []packetKind {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.kinds)
}

// oneIn loses every n-th datagram of a kind.
func oneIn(n int, kind packetKind) func([]byte) bool {
	seen := 0 // the wire's lock guards it
	return func(b []byte) bool {
		if kindOf(b) != kind {
			return false
		}
		seen++
		return seen%n == 0
	}
}
