package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"
	dtlsnet "github.com/pion/dtls/v3/pkg/net"
	"github.com/pion/ice/v4"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"porthole/internal/egress"
	"porthole/internal/pionlog"
	"porthole/internal/sessioninfo"
)

// mediaTransport is a connection made of an ICE agent, a DTLS handshake and SRTP contexts.
//
//	WriteRTP ─► encrypted in place in the batch of the selected pair's address ─► Flush
//	                                        └─► (TCP) ice.Conn
//	ice.Conn ─► read ─┬─ DTLS ─► dtlsPipe ─► handshake, close_notify
//	                  ├─ SRTCP ─► feedback (of viewers, most of it by shortcuts)
//	                  └─ SRTP ──► ingest
type mediaTransport struct {
	// Set by newMediaLink, receiveLink and answer, read-only afterwards.
	engine     *Engine
	ingest     *ingest // takes media; nil: none is received
	candidates *localCandidates
	agent      *ice.Agent
	dtls       *dtlsPipe
	// session is its id in logs.
	session string

	ctx    context.Context //nolint:containedctx // the connection's life, not a call's
	cancel context.CancelFunc
	// workers are the transport's goroutines. Only answer adds to it, and they do.
	workers sync.WaitGroup
	events  transportEvents
	conn    *ice.Conn

	// feedback is where the client's RTCP goes once somebody wants it, heard how much.
	feedback atomic.Pointer[listener]
	heard    heard
	signsOfLife
	// secured and crypt are nil until the handshake is over.
	secured atomic.Pointer[dtls.Conn]
	crypt   atomic.Pointer[crypt]
}

// newMediaTransport makes a connection; nothing is gathered or sent before answer. While
// nothing is sent, checks are, at the given interval.
func (e *Engine) newMediaTransport(session string, keepalive time.Duration) (*mediaTransport, error) {
	plan, err := e.localCandidates()
	if err != nil {
		return nil, err
	}
	timeouts := e.settings.timeouts
	agent, err := ice.NewAgentWithOptions(append(plan.options(),
		ice.WithNetworkTypes([]ice.NetworkType{
			ice.NetworkTypeUDP4, ice.NetworkTypeUDP6, ice.NetworkTypeTCP4, ice.NetworkTypeTCP6,
		}),
		ice.WithDisableActiveTCP(),
		ice.WithMulticastDNSMode(ice.MulticastDNSModeDisabled),
		ice.WithDisconnectedTimeout(timeouts.ICEDisconnected),
		ice.WithFailedTimeout(timeouts.ICEFailed),
		ice.WithKeepaliveInterval(keepalive),
		ice.WithLoggerFactory(pionlog.Log{Log: e.settings.log}),
	)...)
	if err != nil {
		return nil, fmt.Errorf("create ICE agent: %w", err)
	}
	l := &mediaTransport{engine: e, candidates: plan, session: session, agent: agent, dtls: newDTLSPipe(), heard: newHeard()}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l, nil
}

func (l *mediaTransport) watch(events transportEvents) { l.events = events }

// observe directs what the agent tells to the session.
func (l *mediaTransport) observe() error {
	return errors.Join(
		l.agent.OnConnectionStateChange(func(state ice.ConnectionState) {
			defer l.endOnPanic()
			l.events.iceChanged(iceState(state))
			if state == ice.ConnectionStateFailed {
				l.events.down(ErrICEFailed)
			}
		}),
		l.agent.OnSelectedCandidatePairChange(func(local, remote ice.Candidate) {
			defer l.endOnPanic()
			l.events.pairSelected(l.candidates.named(sessioninfo.Pair{Local: describeCandidate(local), Remote: describeCandidate(remote)}))
		}))
}

// iceState gives an agent's state the name that browsers give it.
func iceState(state ice.ConnectionState) webrtc.ICEConnectionState {
	switch state {
	case ice.ConnectionStateChecking:
		return webrtc.ICEConnectionStateChecking
	case ice.ConnectionStateConnected:
		return webrtc.ICEConnectionStateConnected
	case ice.ConnectionStateCompleted:
		return webrtc.ICEConnectionStateCompleted
	case ice.ConnectionStateFailed:
		return webrtc.ICEConnectionStateFailed
	case ice.ConnectionStateDisconnected:
		return webrtc.ICEConnectionStateDisconnected
	case ice.ConnectionStateClosed:
		return webrtc.ICEConnectionStateClosed
	default:
		return webrtc.ICEConnectionStateNew
	}
}

func (l *mediaTransport) addCandidate(value string) error {
	candidate, err := ice.UnmarshalCandidate(value)
	if err == nil {
		err = l.agent.AddRemoteCandidate(candidate)
	}
	if err != nil {
		return fmt.Errorf("add candidate: %w", err)
	}
	return nil
}

func (l *mediaTransport) addCandidates(values []string) {
	for _, value := range values {
		if err := l.addCandidate(value); err != nil {
			l.engine.settings.log.Debug("dropped a client's candidate", "error", err)
		}
	}
}

// checksAnswered returns how many of our checks on the selected pair the client
// has answered; it starts anew with another pair.
func (l *mediaTransport) checksAnswered() uint64 {
	stats, _ := l.agent.GetSelectedCandidatePairStats()
	return stats.ResponsesReceived
}

// start begins to connect, as the client's description asks for.
func (l *mediaTransport) start(remote remoteDescription) error {
	l.addCandidates(remote.candidates)
	begin := l.agent.StartAccept
	if remote.weControl || remote.lite { // an agent that cannot check leaves that to us (RFC 8445 6.1.1)
		begin = l.agent.StartDial
	}
	conn, err := begin(remote.ufrag, remote.pwd)
	if err != nil {
		return fmt.Errorf("start ICE: %w", err)
	}
	l.conn = conn
	l.dtls.conn = conn
	l.work(l.read)
	l.work(func() error { return l.secure(remote) })
	return nil
}

// endOnPanic turns a panic into the session's end. It is to be deferred.
func (l *mediaTransport) endOnPanic() {
	if value := recover(); value != nil {
		l.events.down(l.engine.caught(value, l.session))
	}
}

// work runs f as one of the transport's goroutines. An error or a panic ends the session.
func (l *mediaTransport) work(f func() error) {
	l.workers.Go(func() {
		defer l.endOnPanic()
		if err := f(); err != nil {
			l.events.down(err)
		}
	})
}

// read hands out what the client sends, until the connection is closed.
func (l *mediaTransport) read() error {
	buf := make([]byte, receiveMTU)
	for {
		n, err := l.conn.Read(buf)
		switch {
		case errors.Is(err, io.ErrShortBuffer):
			continue
		case err != nil:
			_ = l.dtls.Close()
			return nil // the agent was closed, for a reason of its own
		case n < 2:
		case buf[0] >= 20 && buf[0] < 64: // DTLS (RFC 7983 7)
			l.dtls.deliver(buf[:n])
		case buf[0] < 128 || buf[0] >= 192:
		case buf[1] >= 192 && buf[1] < 224: // RTCP (RFC 5761 4)
			l.readRTCP(buf[:n])
		case l.ingest != nil:
			if err = l.ingest.take(buf[:n]); err != nil {
				l.events.down(err)
			}
		}
	}
}

// secure does the DTLS handshake and then waits for the client's goodbye.
func (l *mediaTransport) secure(remote remoteDescription) error {
	if err := l.agent.AwaitConnect(l.ctx); err != nil {
		return nil // closed, or failed, which the agent tells
	}
	l.events.dtlsChanged(webrtc.DTLSTransportStateConnecting)
	conn, err := l.handshake(remote)
	if err != nil {
		if l.ctx.Err() != nil {
			return nil
		}
		l.events.dtlsChanged(webrtc.DTLSTransportStateFailed)
		return fmt.Errorf("%w: %w", ErrDTLSFailed, err)
	}
	defer func() { _ = conn.Close() }()
	l.secured.Store(conn)
	if l.ingest != nil {
		if err = l.ingest.secured(); err != nil {
			return err
		}
	}
	l.events.dtlsChanged(webrtc.DTLSTransportStateConnected)
	l.events.up()
	awaitGoodbye(conn)
	if l.ctx.Err() != nil {
		return nil
	}
	return ErrRemoteClosed
}

// awaitGoodbye reads until the client has ended DTLS. What it may send before, such as the
// data channels of a client that was offered none, is not for us.
func awaitGoodbye(conn io.Reader) {
	record := make([]byte, receiveMTU) // as large as what read delivers
	for {
		if _, err := conn.Read(record); err != nil {
			return
		}
	}
}

// handshake returns the DTLS connection when the client has proved that it is
// the one of the offer, and both sides have keys for media.
func (l *mediaTransport) handshake(remote remoteDescription) (*dtls.Conn, error) {
	shared := []dtls.Option{
		dtls.WithCertificates(l.engine.cert.tls),
		// GCM costs a third of the time per packet; RFC 5764 requires the other one, and
		// FFmpeg knows nothing else.
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80),
		dtls.WithInsecureSkipVerify(true), // certificates are self-signed; the fingerprint counts
		dtls.WithVerifyPeerCertificate(remote.verify),
		dtls.WithLoggerFactory(pionlog.Log{Log: l.engine.settings.log}),
		dtls.WithFlightInterval(firstRetransmission),
	}
	packets := dtlsnet.PacketConnFromConn(l.dtls)
	var conn *dtls.Conn
	var err error
	if remote.weAreClient {
		options := make([]dtls.ClientOption, 0, len(shared))
		for _, o := range shared {
			options = append(options, o)
		}
		conn, err = dtls.ClientWithOptions(packets, l.dtls.RemoteAddr(), options...)
	} else {
		// A handshake starts on a path that ICE has verified, so the cookie exchange
		// against spoofed addresses would only cost a round trip.
		options := []dtls.ServerOption{dtls.WithClientAuth(dtls.RequireAnyClientCert), dtls.WithInsecureSkipVerifyHello(true)}
		for _, o := range shared {
			options = append(options, o)
		}
		conn, err = dtls.ServerWithOptions(packets, l.dtls.RemoteAddr(), options...)
	}
	if err != nil {
		return nil, fmt.Errorf("set up DTLS: %w", err)
	}
	if err = conn.HandshakeContext(l.ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	c, err := newCrypt(conn, remote.weAreClient)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	l.crypt.Store(c)
	return conn, nil
}

// writeRTP encrypts and sends a packet: into the batch, or at once when the
// client is not reached by UDP.
func (l *mediaTransport) writeRTP(batch *egress.Destination, header *rtp.Header, payload []byte) (int, error) {
	c := l.crypt.Load()
	if c == nil {
		return 0, ErrNotConnected
	}
	if batch != nil {
		return c.sealInto(batch, header, payload)
	}
	return c.sealAndWrite(l.conn, header, payload)
}

func (l *mediaTransport) writeRTCP(packets []rtcp.Packet) error {
	c := l.crypt.Load()
	if c == nil {
		return ErrNotConnected
	}
	sealed, err := c.sealRTCP(packets)
	if err == nil {
		_, err = l.conn.Write(sealed)
	}
	if err != nil {
		return fmt.Errorf("send RTCP: %w", err)
	}
	return nil
}

func (l *mediaTransport) close() error {
	l.cancel()
	if conn := l.secured.Load(); conn != nil {
		_ = conn.Close() // says goodbye while there still is a path
	}
	err := l.agent.GracefulClose()
	_ = l.dtls.Close()
	l.workers.Wait()
	if err != nil {
		return fmt.Errorf("close ICE agent: %w", err)
	}
	return nil
}

func describeCandidate(c ice.Candidate) sessioninfo.Candidate {
	return sessioninfo.Candidate{
		Type:     c.Type().String(),
		Protocol: c.NetworkType().NetworkShort(),
		Address:  net.JoinHostPort(c.Address(), strconv.Itoa(c.Port())),
	}
}
