//go:build e2e && linux

package e2e_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"golang.org/x/time/rate"
)

// attackersLine is how fast an attacker sends, in bytes a second: 100 Mbit/s.
const attackersLine = 12_500_000

// resetter is an HTTP/2 client that opens streams and resets them at once.
type resetter struct {
	from    net.IP
	address string
	path    string        // of the streams; "": pings and settings in their place
	padding string        // of a header
	line    *rate.Limiter // bytes a second of all connections

	mu          sync.Mutex
	connections int
	streams     int
}

// run connects and resets until ctx ends, again when the server ends a connection.
func (r *resetter) run(ctx context.Context) {
	for ctx.Err() == nil {
		n := r.connection(ctx)
		r.mu.Lock()
		r.connections++
		r.streams += n
		r.mu.Unlock()
	}
}

// connection opens streams, and resets each at once, until the server or ctx ends it, and
// returns how many.
func (r *resetter) connection(ctx context.Context) (streams int) {
	from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: r.from}, Timeout: 5 * time.Second}
	dialer := &tls.Dialer{NetDialer: from, Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}}
	conn, err := dialer.DialContext(ctx, "tcp", r.address)
	if err != nil {
		return 0
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if _, err := conn.Write([]byte(http2.ClientPreface)); err != nil {
		return 0
	}
	framer := http2.NewFramer(conn, conn)
	if err := framer.WriteSettings(); err != nil {
		return 0
	}
	goneAway := make(chan struct{})
	go func() {
		defer close(goneAway)
		for {
			frame, err := framer.ReadFrame()
			if err != nil {
				return
			}
			switch f := frame.(type) {
			case *http2.GoAwayFrame:
				return
			case *http2.SettingsFrame, *http2.WindowUpdateFrame, *http2.RSTStreamFrame, *http2.PingFrame:
				_ = f
			}
		}
	}()
	// The end of the connection ends the reader.
	defer func() { _ = conn.Close(); <-goneAway }()
	out := &pending{Conn: conn}
	writer := http2.NewFramer(out, nil)
	block := r.headers()
	for id := uint32(1); ; id += 2 {
		select {
		case <-goneAway:
			return streams
		default:
		}
		if r.path == "" {
			_ = writer.WritePing(false, [8]byte{byte(id)})
			_ = writer.WriteSettings(http2.Setting{ID: http2.SettingHeaderTableSize, Val: id % 4096})
		} else {
			_ = writer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndStream: true, EndHeaders: true})
			_ = writer.WriteRSTStream(id, http2.ErrCodeCancel)
		}
		streams++
		if out.buffer.Len() < 4<<10 {
			continue
		}
		if r.line.WaitN(ctx, out.buffer.Len()) != nil || out.flush() != nil {
			return streams
		}
	}
}

// headers is a request's header block, the same for each stream.
func (r *resetter) headers() []byte {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	encoder.SetMaxDynamicTableSize(0) // each block stands alone
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "localhost"}, {":path", r.path}, {"x-long", r.padding}} {
		_ = encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	return block.Bytes()
}

// pending collects frames, so that a system call sends many.
type pending struct {
	net.Conn
	buffer bytes.Buffer
}

func (p *pending) Write(b []byte) (int, error) { return p.buffer.Write(b) }

func (p *pending) flush() error {
	_, err := p.buffer.WriteTo(p.Conn)
	return err
}

// resetAttacks are those of streams that are reset as soon as they are opened, of one
// connection and of many.
func resetAttacks() []attack {
	client := byte(0) // each attack is another client's, with a budget of its own
	resets := func(connections int, path string, long int) func(testing.TB, *server) func(context.Context, *tallies) {
		client++
		from := net.IPv4(127, 0, 2, client)
		return func(_ testing.TB, s *server) func(context.Context, *tallies) {
			r := &resetter{from: from, address: strings.TrimPrefix(s.url, "https://"), path: path, padding: strings.Repeat("x", long), line: rate.NewLimiter(attackersLine, 1<<20)}
			return func(ctx context.Context, answers *tallies) {
				var resetting sync.WaitGroup
				for range connections {
					resetting.Go(func() { r.run(ctx) })
				}
				resetting.Wait()
				answers.add("streams", r.streams)
				answers.add("connections", r.connections)
			}
		}
	}
	return []attack{
		{"one connection", resets(1, "/api/events", 10), map[string]int{"streams": 1000}},
		{"many connections", resets(50, "/api/events", 10), map[string]int{"streams": 1000}},
		{"many connections, pages", resets(50, "/watch/webcam", 10), map[string]int{"streams": 1000}},
		{"many connections, long headers", resets(50, "/api/streams", 8<<10), map[string]int{"streams": 1000}},
		{"many connections, pings", resets(50, "", 0), map[string]int{"streams": 1000}},
	}
}
