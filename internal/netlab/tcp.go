package netlab

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// Dial connects from the machine, as net.Dialer does.
func (m *Machine) Dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	// By number: no lookup may run on another thread.
	if entered := m.Inside(func() { conn, err = (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, network, address) }); entered != nil {
		return nil, entered
	}
	return conn, err
}

// Client is an HTTP client on the machine, for URLs with addresses in numbers. Its requests take 10 seconds at most.
func (m *Machine) Client() *http.Client {
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DialContext: m.Dial, MaxIdleConnsPerHost: 16}}
}

// Forward makes a TCP port of the machine reachable from outside, at the address that it returns, until close.
func (m *Machine) Forward(target string) (at netip.AddrPort, closing func(), err error) {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp4", "127.0.0.1:0")
	if err != nil {
		return netip.AddrPort{}, nil, fmt.Errorf("forward to %s: %w", target, err)
	}
	var running sync.WaitGroup
	var open sync.Map // of net.Conn, to close in the end
	running.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer near.Close()
				far, err := m.Dial(context.Background(), "tcp4", target)
				if err != nil {
					return // near sees its connection end
				}
				defer far.Close()
				open.Store(near, nil)
				open.Store(far, nil)
				splice(near.(*net.TCPConn), far.(*net.TCPConn))
				open.Delete(near)
				open.Delete(far)
			})
		}
	})
	closing = func() {
		listener.Close()
		open.Range(func(conn, _ any) bool {
			conn.(net.Conn).Close()
			return true
		})
		running.Wait()
	}
	return listener.Addr().(*net.TCPAddr).AddrPort(), closing, nil
}

// splice copies both ways until both ends have said all. Their buffers are small, so that one that stops reading is soon
// felt at the other.
func splice(a, b *net.TCPConn) {
	var copying sync.WaitGroup
	for _, way := range [][2]*net.TCPConn{{a, b}, {b, a}} {
		from, to := way[0], way[1]
		_ = from.SetReadBuffer(4 << 10)
		_ = to.SetWriteBuffer(4 << 10)
		copying.Go(func() {
			_, _ = io.Copy(to, struct{ io.Reader }{from}) // not with splice(2), which has a buffer of its own
			_ = to.CloseWrite()
		})
	}
	copying.Wait()
}
