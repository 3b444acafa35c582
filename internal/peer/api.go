package peer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/rtp"
	"github.com/pion/transport/v5"

	"porthole/internal/egress"
	"porthole/internal/negotiate"
	"porthole/internal/reach"
	"porthole/internal/sockets"
)

// PacketWriter takes the packets of one incoming track, in the order of arrival,
// from one goroutine at a time. It must copy what it keeps and must not block. An error
// ends the session with it. A padding-only packet has an empty payload.
type PacketWriter interface {
	WriteRTP(packet *rtp.Packet) error
}

// ReportReceiver may be implemented by a PacketWriter that wants the publisher's
// RTCP sender reports (RFC 3550 6.4.1): rtpTime, in units of the codec's clock
// rate, was sampled at capturedAt by the publisher's wall clock, which need not
// agree with ours. It is not called while WriteRTP runs.
type ReportReceiver interface {
	SenderReport(capturedAt time.Time, rtpTime uint32)
}

// SourceWriter may be implemented by a PacketWriter that has to know when the publisher
// goes on under another SSRC, as after the restart of an encoder: the sequence numbers and
// timestamps of packets that follow the call have nothing to do with those before.
type SourceWriter interface {
	ChangeSource()
}

// RemoteTrack is a track that a publisher has begun to send.
type RemoteTrack struct {
	Mid string
	// RID names the simulcast layer; empty without simulcast.
	RID   string
	Codec negotiate.Format
	SSRC  uint32 // which the track begins with
	// PassedExtensionID is the id of the header extension whose value, one byte, is
	// for viewers: the level of audio (RFC 6464). Zero when it was not offered.
	PassedExtensionID uint8
	// RequestKeyframe asks the publisher for a keyframe, by PLI or, when only that
	// was negotiated, FIR (RFC 4585, RFC 5104). It never blocks, is never nil, may
	// be called by any goroutine and at any time; several calls may become one
	// request. It does nothing when neither was negotiated.
	RequestKeyframe func()
}

// ReceiveConfig describes a publisher's session.
type ReceiveConfig struct {
	Offer *negotiate.Offer
	// Codecs holds, by mid, the sections to accept and the payload types to accept
	// in each. All other sections are rejected in the answer. Which codec a track
	// has, its first packet tells; packets of another one are then dropped.
	Codecs map[string][]negotiate.Format
	// OnTrack is called while Serve runs, by one goroutine at a time, when the first
	// packet of a track (or of a simulcast layer) arrives, once for each. It must not block.
	// An error ends the session.
	OnTrack func(RemoteTrack) (PacketWriter, error)
	// Client is where the offer came from, invalid when that is not known. Our TURN
	// server lets packets from there in: OBS and FFmpeg tell no addresses.
	Client netip.Addr
	// ID names the session in logs.
	ID string
}

// SendConfig describes a viewer's session.
type SendConfig struct {
	Offer *negotiate.Offer
	// Codecs holds, by mid, the sections to send and the one payload type to send
	// in each. Other sections get no track.
	Codecs map[string]negotiate.Format
	// StreamID is the MediaStream id that all tracks share (a=msid, RFC 8830).
	StreamID string
	// Client is ReceiveConfig.Client.
	Client netip.Addr
	// ID names the session in logs.
	ID string
}

// SendTrack is what was negotiated for one track that a viewer receives.
type SendTrack struct {
	Mid  string
	Kind string // "audio" or "video"
	// SSRC and PayloadType are what packets given to WriteRTP have to carry.
	SSRC        uint32
	PayloadType uint8
	// RTXSSRC and RTXPayloadType are those of retransmissions (RFC 4588); both are
	// zero when the viewer did not offer it.
	RTXSSRC        uint32
	RTXPayloadType uint8
	// MIDExtensionID is the id of the MID header extension (RFC 9143 15), zero
	// when the viewer did not offer it.
	MIDExtensionID uint8
	// CaptureTimeExtensionID is the id of abs-capture-time, zero when the viewer
	// did not offer it.
	CaptureTimeExtensionID uint8
	// TransportCCExtensionID is the id of the transport-wide sequence number, zero
	// when the viewer did not offer it together with the feedback that goes with it.
	TransportCCExtensionID uint8
	// PlayoutDelayExtensionID is the id of the playout delay of a picture, zero when the
	// viewer did not offer it, and for sound.
	PlayoutDelayExtensionID uint8
	// PassedExtensionID is the viewer's id of the extension that publishers have
	// RemoteTrack.PassedExtensionID for, zero when the viewer did not offer it.
	PassedExtensionID uint8
}

// Engine makes sessions and owns the sockets under them.
type Engine struct {
	// Set by Listen, read-only afterwards.
	settings settings
	metrics  *metrics
	addr     netip.AddrPort
	media    *mediaConn
	network  reach.Network
	net      transport.Net // for agents, which ask plannedNet for interfaces
	// candidates are what clients are told, advertised a part of it.
	candidates reach.Candidates
	advertised *reach.Advertiser
	udp        *ice.UDPMuxDefault
	tcp        *ice.TCPMuxDefault
	relay      *reach.RelayKeeper
	names      *reach.Names
	cert       certificate

	closing  sync.Once
	closeErr error // set by closing

	// answering counts the calls of Receive and Send that are under way. It is
	// only added to while mu is held and closed is false.
	answering sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	sessions map[*Connection]struct{}
}

// Listen binds the media sockets. The caller ends it with Engine.Close. Errors wrap ErrConfig when a setting is
// at fault, and otherwise come from the sockets or the metrics registry.
func Listen(cfg Config) (*Engine, error) {
	set, err := cfg.check()
	if err != nil {
		return nil, err
	}
	udp, tcp, err := sockets.ListenPair(set.media, "media")
	if err != nil {
		return nil, err
	}
	sizeBuffers(udp, set.log)
	batches, err := egress.New(udp, egress.Segmented)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("media socket: %w", err), udp.Close(), tcp.Close())
	}
	e, err := newEngine(cfg, set, environment{
		udp: batches, addr: sockets.LocalAddr(udp), tcp: newTCPListener(tcp, cfg.Connections),
		interfaces: reach.SystemInterfaces, outgoing: reach.OutgoingAddrs,
	})
	if err != nil {
		return nil, errors.Join(err, udp.Close(), tcp.Close())
	}
	set.log.Debug("media socket is ready", "address", e.addr, "batches", batches.Mode().String())
	return e, nil
}

// Addr returns the address of the media sockets, with the port that was picked.
// The IP is unspecified when they listen on all interfaces.
func (e *Engine) Addr() netip.AddrPort { return e.addr }

// Close ends all sessions with ErrClosed, closes the sockets and waits for
// everything that the engine started. Closing twice is harmless.
func (e *Engine) Close() error {
	e.closing.Do(func() { e.closeErr = e.close() })
	return e.closeErr
}

func (e *Engine) close() error {
	e.mu.Lock()
	e.closed = true
	sessions := slices.Collect(maps.Keys(e.sessions))
	e.mu.Unlock()

	var ending sync.WaitGroup
	for _, s := range sessions {
		ending.Go(func() { s.Close(ErrClosed) })
	}
	ending.Wait()
	e.answering.Wait()
	if e.names != nil {
		e.names.Close()
	}
	e.advertised.Close()
	e.relay.Close()
	e.media.questions.Close()
	if err := errors.Join(e.tcp.Close(), e.udp.Close()); err != nil {
		return fmt.Errorf("close media sockets: %w", err)
	}
	return nil
}

// begin reserves the engine for one answer. Every nil error is followed by a call
// of e.answering.Done.
func (e *Engine) begin() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return ErrClosed
	}
	e.answering.Add(1)
	return nil
}

// register adds an answered session, unless the engine was closed meanwhile.
func (e *Engine) register(s *Connection) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return ErrClosed
	}
	e.sessions[s] = struct{}{}
	return nil
}

func (e *Engine) forget(s *Connection) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.sessions, s)
}

// Receive answers a publisher's offer. ctx bounds the answer, not the session.
// The caller runs Session.Serve, or else Session.Close; until then nothing of
// the session times out. Errors wrap negotiate.ErrUnusable when the offer is at
// fault, and ErrClosed when the engine is.
func (e *Engine) Receive(ctx context.Context, cfg ReceiveConfig) (*Connection, error) {
	sections, err := planSections(cfg.Offer, cfg.Codecs)
	if err != nil {
		return nil, err
	}
	e.admit(cfg.Client)
	return e.open(ctx, cfg.Offer, sections, func(s *Connection) (clientTransport, error) { return e.receiveTransport(s, cfg, sections) })
}

// Send answers a viewer's offer. ctx bounds the answer, not the session. The
// caller runs Session.Serve, or else Session.Close; until then nothing of the
// session times out. Errors are those of Receive.
func (e *Engine) Send(ctx context.Context, cfg SendConfig) (*Connection, error) {
	sections, err := planSections(cfg.Offer, oneEach(cfg.Codecs))
	if err != nil {
		return nil, err
	}
	e.admit(cfg.Client)
	return e.open(ctx, cfg.Offer, sections, func(s *Connection) (clientTransport, error) { return e.sendTransport(s, cfg, sections) })
}

// open makes a session whose connection connect provides, and answers the offer.
func (e *Engine) open(
	ctx context.Context, offer *negotiate.Offer, sections []section, connect func(*Connection) (clientTransport, error),
) (*Connection, error) {
	if err := e.begin(); err != nil {
		return nil, err
	}
	defer e.answering.Done()
	s := newConnection(e, offer)
	var err error
	if s.transport, err = connect(s); err != nil {
		return nil, err
	}
	s.transport.watch(s)
	if s.answer, err = s.transport.answer(ctx, offer, sections, e.settings.timeouts.Gather); err != nil {
		return nil, errors.Join(err, s.transport.close())
	}
	if err = e.register(s); err != nil {
		return nil, errors.Join(err, s.transport.close())
	}
	s.answered()
	s.reveal(offer.Hidden)
	return s, nil
}
