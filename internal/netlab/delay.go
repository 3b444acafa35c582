package netlab

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	largestPacket = 2 << 10
	// maxWaiting bounds what a Delay holds for one client and direction: 2 s at 12 Mbit/s. What comes then is lost.
	maxWaiting = 2 << 10
	// maxClients bounds the clients of a Delay. Packets of others are lost.
	maxClients = 256
)

// Delay is a UDP forwarder on a long way: every datagram arrives after the delay, in both directions and in order. Each
// client has a socket of its own towards the server, as behind a NAT.
type Delay struct {
	conn    net.PacketConn
	target  net.Addr
	open    func() (net.PacketConn, error)
	delay   time.Duration
	jitter  time.Duration
	running sync.WaitGroup
	closed  chan struct{}

	mu      sync.Mutex
	clients map[string]*delayed // by address; guarded by mu
}

// NewDelay forwards what comes to conn, which it closes in the end, to the target. Each direction takes the delay, and up
// to the jitter more, at random. open makes the sockets for clients.
func NewDelay(conn net.PacketConn, target netip.AddrPort, delay, jitter time.Duration, open func() (net.PacketConn, error)) *Delay {
	d := &Delay{
		conn: conn, target: net.UDPAddrFromAddrPort(target), open: open, delay: delay, jitter: jitter,
		closed: make(chan struct{}), clients: make(map[string]*delayed),
	}
	d.running.Go(d.readClients)
	return d
}

// Delay starts one on the machine, on a free port.
func (m *Machine) Delay(target netip.AddrPort, delay, jitter time.Duration) (*Delay, error) {
	open := func() (conn net.PacketConn, err error) {
		entered := m.Inside(func() { conn, err = net.ListenUDP("udp4", &net.UDPAddr{IP: m.Addr.AsSlice()}) })
		return conn, errors.Join(entered, err)
	}
	conn, err := open()
	if err != nil {
		return nil, fmt.Errorf("open a forwarder's socket: %w", err)
	}
	return NewDelay(conn, target, delay, jitter, open), nil
}

// Addr is where clients reach it.
func (d *Delay) Addr() netip.AddrPort { return d.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// Close ends it. What is on its way is lost.
func (d *Delay) Close() {
	close(d.closed)
	_ = d.conn.Close()
	d.mu.Lock()
	for _, c := range d.clients {
		_ = c.conn.Close()
	}
	d.mu.Unlock()
	d.running.Wait()
}

// delayed is one client.
type delayed struct {
	conn       net.PacketConn // towards the server
	addr       net.Addr
	toServer   chan packet
	fromServer chan packet
}

// packet is one that waits.
type packet struct {
	due  time.Time
	data []byte
}

func (d *Delay) readClients() {
	buffer := make([]byte, largestPacket)
	for {
		n, from, err := d.conn.ReadFrom(buffer)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue // a client's port is closed
		}
		if c := d.client(from); c != nil {
			d.hold(c.toServer, buffer[:n])
		}
	}
}

// client finds or makes the one of an address; nil when it cannot.
func (d *Delay) client(addr net.Addr) *delayed {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := addr.String()
	if c := d.clients[key]; c != nil {
		return c
	}
	select {
	case <-d.closed:
		return nil
	default:
	}
	if len(d.clients) == maxClients {
		return nil
	}
	conn, err := d.open()
	if err != nil {
		return nil
	}
	c := &delayed{conn: conn, addr: addr, toServer: make(chan packet, maxWaiting), fromServer: make(chan packet, maxWaiting)}
	d.clients[key] = c
	d.running.Go(func() { d.readServer(c) })
	d.running.Go(func() { d.send(c.toServer, c.conn, d.target) })
	d.running.Go(func() { d.send(c.fromServer, d.conn, c.addr) })
	return c
}

func (d *Delay) readServer(c *delayed) {
	buffer := make([]byte, largestPacket)
	for {
		n, _, err := c.conn.ReadFrom(buffer)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue
		}
		d.hold(c.fromServer, buffer[:n])
	}
}

// hold lets a packet wait; one that finds no room is lost.
func (d *Delay) hold(queue chan<- packet, data []byte) {
	wait := d.delay
	if d.jitter > 0 {
		wait += rand.N(d.jitter)
	}
	select {
	case queue <- packet{time.Now().Add(wait), append([]byte(nil), data...)}:
	default:
	}
}

// send lets packets go, each when it is due and in the order in which they came.
func (d *Delay) send(queue <-chan packet, conn net.PacketConn, to net.Addr) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case p := <-queue:
			timer.Reset(time.Until(p.due))
			select {
			case <-timer.C:
			case <-d.closed:
				return
			}
			_, _ = conn.WriteTo(p.data, to) // what cannot be sent is lost, as on any network
		case <-d.closed:
			return
		}
	}
}
