package peer

import (
	"net"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/transport/v5/packetio"
)

// dtlsBacklog bounds, in bytes, what waits for the handshake. A flight of it has
// two certificates at the most.
const dtlsBacklog = 32 << 10

// dtlsPipe is the share of an ICE connection that is DTLS: what the transport's reader
// delivers is read from it, and what is written goes out.
type dtlsPipe struct {
	in   *packetio.Buffer
	conn *ice.Conn // set before anything is written
}

var _ net.Conn = (*dtlsPipe)(nil)

func newDTLSPipe() *dtlsPipe {
	p := &dtlsPipe{in: packetio.NewBuffer()}
	p.in.SetLimitSize(dtlsBacklog)
	return p
}

// deliver takes a packet off the connection. One that finds no room is lost, as
// on a network: DTLS sends it again.
func (p *dtlsPipe) deliver(packet []byte) { _, _ = p.in.Write(packet, nil) }

func (p *dtlsPipe) Read(b []byte) (int, error) {
	n, _, err := p.in.Read(b, nil)
	return n, err
}

func (p *dtlsPipe) Write(b []byte) (int, error) { return p.conn.Write(b) }

// Close ends reading and leaves the ICE connection alone.
func (p *dtlsPipe) Close() error { return p.in.Close() }

func (p *dtlsPipe) LocalAddr() net.Addr  { return p.conn.LocalAddr() }
func (p *dtlsPipe) RemoteAddr() net.Addr { return p.conn.RemoteAddr() }

func (p *dtlsPipe) SetDeadline(t time.Time) error     { return p.in.SetReadDeadline(t) }
func (p *dtlsPipe) SetReadDeadline(t time.Time) error { return p.in.SetReadDeadline(t) }

// SetWriteDeadline does nothing: writing a datagram does not wait.
func (p *dtlsPipe) SetWriteDeadline(time.Time) error { return nil }
