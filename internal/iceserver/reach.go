package iceserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
)

const (
	// allocateTimeout bounds the question whether a TURN server gives us a relay.
	allocateTimeout = 5 * time.Second
	// allocateEvery is how often that is asked while the answer is yes: secrets are
	// changed, quotas are used up.
	allocateEvery = 10 * time.Minute
	// probeSession is the session in the credentials that we ask with.
	probeSession = "porthole-probe"
)

var errOtherAnswer = errors.New("it answers another question")

// reach asks a server once. Over UDP that is from the media socket; over TCP and TLS
// the answer tells that the way is open and how long it is, but not our address.
func (p *Prober) reach(server Server, to netip.AddrPort, ask AskFunc) (Answer, error) {
	ctx, cancel := context.WithTimeout(p.ctx, probeTimeout)
	defer cancel()
	if server.Transport == TransportUDP {
		answer, err := ask(ctx, to)
		if err != nil {
			return Answer{}, err // it names the server
		}
		if ip := answer.Mapped.Addr(); !ip.IsValid() || ip.IsUnspecified() || ip.IsMulticast() || answer.Mapped.Port() == 0 {
			return Answer{}, fmt.Errorf("ask %s: %w", to, errNoMapping)
		}
		return answer, nil
	}
	conn, err := dial(ctx, server, to)
	if err != nil {
		return Answer{}, err
	}
	defer conn.Close()
	began := time.Now()
	if err := bindOver(conn); err != nil {
		return Answer{}, fmt.Errorf("ask %s over TCP: %w", to, err)
	}
	return Answer{RTT: time.Since(began), Requests: 1}, nil
}

// dial opens a connection, with TLS for turns:. ctx, which has a deadline, bounds it
// and everything that is done with it.
func dial(ctx context.Context, server Server, to netip.AddrPort) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", to.String())
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return nil, errors.Join(fmt.Errorf("connect to %s: %w", to, err), conn.Close())
		}
	}
	if server.Scheme != SchemeTURNS {
		return conn, nil
	}
	// What clients check, we check: a server with a bad certificate is of no use to them.
	secure := tls.Client(conn, &tls.Config{ServerName: server.Host, MinVersion: tls.VersionTLS12})
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("TLS with %s: %w", to, err), conn.Close())
	}
	return secure, nil
}

// bindOver exchanges one Binding request and its answer over a stream.
func bindOver(conn net.Conn) error {
	request, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.Fingerprint)
	if err != nil {
		return fmt.Errorf("build the request: %w", err)
	}
	if _, err := conn.Write(request.Raw); err != nil {
		return err // the caller wraps
	}
	b := make([]byte, 1500)
	n, _, err := turn.NewSTUNConn(conn).ReadFrom(b)
	if err != nil {
		return err // likewise
	}
	answer := &stun.Message{Raw: b[:n]}
	if err := answer.Decode(); err != nil {
		return err // likewise
	}
	if answer.TransactionID != request.TransactionID || answer.Type != stun.BindingSuccess {
		return errOtherAnswer
	}
	return nil
}

// allocate finds out whether a TURN server gives us a relay, and gives it back.
func (p *Prober) allocate(server Server, to netip.AddrPort) error {
	ctx, cancel := context.WithTimeout(p.ctx, allocateTimeout)
	defer cancel()
	conn, err := packetConn(ctx, server, to)
	if err != nil {
		return err
	}
	defer conn.Close()
	access := server.Access(probeSession, time.Now().Add(time.Minute))
	family := turn.RequestedAddressFamilyIPv4
	if to.Addr().Is6() {
		family = turn.RequestedAddressFamilyIPv6
	}
	client, err := turn.NewClient(&turn.ClientConfig{
		TURNServerAddr: to.String(), Username: access.Username, Password: access.Password, Conn: conn,
		RequestedAddressFamily: family,
		LoggerFactory:          &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled},
	})
	if err != nil {
		return fmt.Errorf("allocate at %s: %w", to, err)
	}
	defer client.Close()
	if err := client.Listen(); err != nil {
		return fmt.Errorf("allocate at %s: %w", to, err)
	}
	// pion retransmits for much longer; closing the client ends its transactions.
	defer context.AfterFunc(ctx, client.Close)()
	relay, err := client.Allocate()
	if err != nil {
		return fmt.Errorf("allocate at %s: %w", to, err)
	}
	if err := relay.Close(); err != nil {
		return fmt.Errorf("give the relay of %s back: %w", to, err)
	}
	return nil
}

// packetConn opens what a TURN client talks over.
func packetConn(ctx context.Context, server Server, to netip.AddrPort) (net.PacketConn, error) {
	if server.Transport == TransportUDP {
		conn, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp", ":0")
		if err != nil {
			return nil, fmt.Errorf("open a socket: %w", err)
		}
		return conn, nil
	}
	conn, err := dial(ctx, server, to)
	if err != nil {
		return nil, err
	}
	return turn.NewSTUNConn(conn), nil
}
