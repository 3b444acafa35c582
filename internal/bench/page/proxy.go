package main

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

// proxy hands TCP connections on to a server, and holds back what goes either way. It adds
// time, not a limit of the rate.
type proxy struct {
	listener net.Listener
	server   string
	delay    time.Duration // each way

	cancel  context.CancelFunc
	running sync.WaitGroup
}

func startProxy(ctx context.Context, server string, delay time.Duration) (*proxy, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the proxy: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &proxy{listener: listener, server: server, delay: delay, cancel: cancel}
	p.running.Go(func() { p.serve(ctx) })
	return p, nil
}

func (p *proxy) address() string { return p.listener.Addr().String() }

// close ends all connections and waits.
func (p *proxy) close() {
	p.cancel()
	p.listener.Close()
	p.running.Wait()
}

func (p *proxy) serve(ctx context.Context) {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		server, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.server)
		if err != nil {
			client.Close()
			continue
		}
		stop := context.AfterFunc(ctx, func() {
			client.Close()
			server.Close()
		})
		var ways sync.WaitGroup
		ways.Go(func() { p.carry(ctx, server, client) })
		ways.Go(func() { p.carry(ctx, client, server) })
		p.running.Go(func() {
			ways.Wait()
			stop()
		})
	}
}

// piece is what was read at once, and when it may go on.
type piece struct {
	data []byte
	due  time.Time
}

// carry copies one way, each piece by the delay later, and closes both ends when one ends.
func (p *proxy) carry(ctx context.Context, to, from net.Conn) {
	pieces := make(chan piece, 1024) // more than are under way in the delay; then the sender waits
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(pieces)
		for {
			data := make([]byte, 16<<10)
			n, err := from.Read(data)
			if n > 0 {
				select {
				case pieces <- piece{data[:n], time.Now().Add(p.delay)}:
				case <-ctx.Done():
					return
				}
			}
			if err != nil {
				return
			}
		}
	})
	for next := range pieces {
		time.Sleep(time.Until(next.due)) // the delay is what is to be measured
		if _, err := to.Write(next.data); err != nil {
			break
		}
	}
	to.Close()
	from.Close()
	for range pieces { //nolint:revive // drained, so that the reader ends
	}
	reading.Wait()
}
