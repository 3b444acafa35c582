package netlab

import (
	"bytes"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a network of sockets in memory, for tests with fake time.
type pipes struct {
	mu    sync.Mutex
	conns map[string]*pipe // by address
	ports uint16
}

func (p *pipes) open() (net.PacketConn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ports++
	c := &pipe{net: p, addr: net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, 1}), p.ports)), in: make(chan datagram, 10_000), closed: make(chan struct{})}
	p.conns[c.addr.String()] = c
	return c, nil
}

type datagram struct {
	from net.Addr
	data []byte
}

type pipe struct {
	net.PacketConn // for the methods that nobody calls

	net    *pipes
	addr   net.Addr
	in     chan datagram
	closed chan struct{}
	once   sync.Once
}

func (c *pipe) LocalAddr() net.Addr { return c.addr }

func (c *pipe) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case d := <-c.in:
		return copy(b, d.data), d.from, nil
	case <-c.closed:
		return 0, nil, net.ErrClosed
	}
}

func (c *pipe) WriteTo(b []byte, to net.Addr) (int, error) {
	c.net.mu.Lock()
	peer := c.net.conns[to.String()]
	c.net.mu.Unlock()
	peer.in <- datagram{c.addr, bytes.Clone(b)}
	return len(b), nil
}

func (c *pipe) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

// start makes a server, a client, and a way between them.
func start(t *testing.T, delay, jitter time.Duration) (server, client net.PacketConn, d *Delay) {
	t.Helper()
	p := &pipes{conns: make(map[string]*pipe)}
	var conns [3]net.PacketConn
	for i := range conns {
		conns[i], _ = p.open()
	}
	server, client = conns[0], conns[1]
	d = NewDelay(conns[2], server.LocalAddr().(*net.UDPAddr).AddrPort(), delay, jitter, p.open)
	return server, client, d
}

func TestDelayHoldsBothDirections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const delay = 100 * time.Millisecond
		server, client, d := start(t, delay, 0)
		defer d.Close()
		began := time.Now()
		via := net.UDPAddrFromAddrPort(d.Addr())
		for i := range byte(3) {
			if _, err := client.WriteTo([]byte{i}, via); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		buffer := make([]byte, 10)
		for i := range 3 {
			n, from, err := server.ReadFrom(buffer)
			if want := delay + time.Duration(i)*10*time.Millisecond; err != nil || n != 1 || buffer[0] != byte(i) || time.Since(began) != want {
				t.Fatalf("packet %d: %v, %v after %v, want it after %v", i, buffer[:n], err, time.Since(began), want)
			}
			if from.String() == client.LocalAddr().String() || from.String() == via.String() {
				t.Errorf("the server sees %v, want a socket for this client", from)
			}
			if _, err := server.WriteTo([]byte("back"), from); err != nil {
				t.Fatal(err)
			}
		}
		n, from, err := client.ReadFrom(buffer)
		if err != nil || string(buffer[:n]) != "back" || from.String() != via.String() || time.Since(began) != 2*delay {
			t.Errorf("the client got %q from %v, %v after %v, want %q after %v", buffer[:n], from, err, time.Since(began), "back", 2*delay)
		}
	})
}

func TestJitterKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const delay, jitter, packets = 50 * time.Millisecond, 40 * time.Millisecond, 200
		server, client, d := start(t, delay, jitter)
		defer d.Close()
		sent := make([]time.Time, packets)
		go func() {
			for i := range packets {
				sent[i] = time.Now()
				_, _ = client.WriteTo([]byte{byte(i)}, net.UDPAddrFromAddrPort(d.Addr()))
				time.Sleep(5 * time.Millisecond)
			}
		}()
		buffer := make([]byte, 10)
		shortest, longest := time.Hour, time.Duration(0)
		for i := range packets {
			if _, _, err := server.ReadFrom(buffer); err != nil || buffer[0] != byte(i) {
				t.Fatalf("packet %d is %d, %v", i, buffer[0], err)
			}
			took := time.Since(sent[i])
			shortest, longest = min(shortest, took), max(longest, took)
		}
		if shortest < delay || longest > delay+jitter || longest-shortest < jitter/2 {
			t.Errorf("packets took %v to %v, want %v and up to %v more", shortest, longest, delay, jitter)
		}
	})
}

// A client that sends more than fits loses the rest, and the other direction none.
func TestDelayHoldsSoMuchAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client, d := start(t, time.Second, 0)
		defer d.Close()
		for range maxWaiting + 100 {
			_, _ = client.WriteTo([]byte{1}, net.UDPAddrFromAddrPort(d.Addr()))
		}
		time.Sleep(2 * time.Second)
		if got := len(server.(*pipe).in); got < maxWaiting || got > maxWaiting+1 { // one is in the sender's hand
			t.Errorf("%d packets came, want %d", got, maxWaiting)
		}
	})
}

func TestDelayTakesSoManyClientsAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client, d := start(t, time.Millisecond, 0)
		defer d.Close()
		for range maxClients + 10 {
			other, _ := client.(*pipe).net.open()
			_, _ = other.WriteTo([]byte{1}, net.UDPAddrFromAddrPort(d.Addr()))
		}
		time.Sleep(time.Second)
		if got := len(server.(*pipe).in); got != maxClients {
			t.Errorf("packets of %d clients came, want %d", got, maxClients)
		}
	})
}

// The real thing, on loopback.
func TestDelayOverUDP(t *testing.T) {
	open := func() (net.PacketConn, error) { return net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}) }
	var conns [3]net.PacketConn
	for i := range conns {
		var err error
		if conns[i], err = open(); err != nil {
			t.Fatal(err)
		}
		defer conns[i].Close()
		_ = conns[i].SetDeadline(time.Now().Add(10 * time.Second))
	}
	server, client := conns[0], conns[1]
	_ = conns[2].SetDeadline(time.Time{})
	const delay = 20 * time.Millisecond
	d := NewDelay(conns[2], server.LocalAddr().(*net.UDPAddr).AddrPort(), delay, 0, open)
	defer d.Close()
	began := time.Now()
	if _, err := client.WriteTo([]byte("there"), net.UDPAddrFromAddrPort(d.Addr())); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 10)
	n, from, err := server.ReadFrom(buffer)
	if err != nil || string(buffer[:n]) != "there" {
		t.Fatalf("the server got %q, %v", buffer[:n], err)
	}
	if _, err := server.WriteTo([]byte("back"), from); err != nil {
		t.Fatal(err)
	}
	n, _, err = client.ReadFrom(buffer)
	if took := time.Since(began); err != nil || string(buffer[:n]) != "back" || took < 2*delay {
		t.Errorf("the client got %q, %v after %v, want an answer after %v or more", buffer[:n], err, took, 2*delay)
	}
}
