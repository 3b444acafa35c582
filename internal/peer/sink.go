package peer

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"porthole/internal/egress"
	"porthole/internal/sessioninfo"
)

// sink is the sending half of a viewer's session. Who writes the packets also
// numbers, retransmits and reports on them.
type sink struct {
	// Set by sendLink, read-only afterwards.
	engine    *Engine
	transport *mediaTransport
	tracks    []SendTrack // at most one per kind
	cname     string
	remb      bool // the client says what it believes it can receive

	// batch gathers what goes to the selected pair's address; nil before there is
	// one, and while the client is reached over TCP.
	batch atomic.Pointer[egress.Destination]

	leading sync.Mutex // guards what follows
	from    netip.AddrPort
	left    bool

	begun   atomic.Bool // a first packet was sent
	started atomic.Bool // and all of a first picture, where there are pictures
}

// sendTransport makes the connection of a viewer's session.
func (e *Engine) sendTransport(s *Connection, cfg SendConfig, sections []section) (clientTransport, error) {
	s.id = cfg.ID
	// The agent does not see the media that leaves, and so checks at every interval:
	// twice the usual one is the 4 s that RFC 7675 5.1 asks for at most.
	l, err := e.newMediaTransport(cfg.ID, 2*e.settings.timeouts.ICEKeepalive)
	if err != nil {
		return nil, err
	}
	s.sink = &sink{engine: e, transport: l, cname: newCNAME()}
	for i := range sections {
		if section := &sections[i]; !section.idle {
			section.streamID, section.cname = cfg.StreamID, s.sink.cname
			section.ssrc = newSSRC()
			if section.codec.RTX != 0 {
				section.rtxSSRC = newSSRC()
			}
			s.sink.tracks = append(s.sink.tracks, section.track())
			s.sink.remb = s.sink.remb || slices.Contains(section.codec.Feedback, webrtc.TypeRTCPFBGoogREMB)
		}
	}
	return l, nil
}

// track describes the section's track for those who send on it.
func (s section) track() SendTrack {
	return SendTrack{
		Mid: s.mid, Kind: s.kind, SSRC: s.ssrc, PayloadType: s.codec.PayloadType,
		RTXSSRC: s.rtxSSRC, RTXPayloadType: s.codec.RTX,
		MIDExtensionID:          s.extensionID(sdp.SDESMidURI),
		CaptureTimeExtensionID:  s.extensionID(absCaptureTimeURI),
		TransportCCExtensionID:  s.extensionID(sdp.TransportCCURI),
		PlayoutDelayExtensionID: s.extensionID(playoutDelayURI),
		PassedExtensionID:       s.extensionID(passedURI(s.kind)),
	}
}

// sends says whether an SSRC is one of ours, for media or for retransmission.
func (k *sink) sends(ssrc uint32) bool {
	for i := range k.tracks {
		if t := &k.tracks[i]; t.SSRC == ssrc || t.RTXSSRC == ssrc {
			return true
		}
	}
	return false
}

// CNAME returns the name that sender reports of a viewer's session have to carry
// (RFC 3550 6.5.1), "" for publishers.
func (s *Connection) CNAME() string {
	if s.sink == nil {
		return ""
	}
	return s.sink.cname
}

// WriteRTP encrypts one packet, whose header carries SSRC, payload type and
// extensions as in Session.Tracks, and adds it to the batch that Flush sends. It
// keeps neither argument and does not wait: a TCP connection that is full loses
// the packet. It returns ErrNotConnected outside of the connection's life and for
// publishers, ErrSilent while nothing comes from the client, ErrUnknownSSRC for an SSRC that is not the session's.
func (s *Connection) WriteRTP(header *rtp.Header, payload []byte) (int, error) {
	if s.sink == nil || !s.writable.Load() {
		return 0, ErrNotConnected
	}
	if s.silent.Load() {
		return 0, ErrSilent
	}
	if !s.sink.sends(header.SSRC) {
		return 0, ErrUnknownSSRC
	}
	if !s.sink.started.Load() {
		s.noteStart(header)
	}
	return s.sink.transport.writeRTP(s.sink.batch.Load(), header, payload)
}

// noteStart notes a packet of those up to the end of the first picture. Viewers begin
// with a keyframe, so that the first picture stands alone.
func (s *Connection) noteStart(header *rtp.Header) {
	if !s.sink.begun.Swap(true) {
		s.mu.Lock()
		s.life.record("first media")
		s.mu.Unlock()
		s.engine.metrics.media.WithLabelValues(roleLabel(s.role)).Observe(s.age().Seconds())
	}
	pictures := false
	for _, t := range s.sink.tracks {
		pictures = pictures || t.Kind == "video"
		if t.Kind == "video" && t.SSRC == header.SSRC && header.Marker && !s.sink.started.Swap(true) {
			s.engine.metrics.picture.Observe(s.age().Seconds())
		}
	}
	if !pictures {
		s.sink.started.Store(true)
	}
}

// Flush sends what WriteRTP has queued. It does not wait: an error says that the
// socket refused packets for this client, or that the session is not connected.
func (s *Connection) Flush() error {
	if s.sink == nil || !s.writable.Load() {
		return ErrNotConnected
	}
	if batch := s.sink.batch.Load(); batch != nil {
		return batch.Flush() // per picture; the error says it all
	}
	return nil
}

// WriteRTCP sends RTCP packets as one compound packet. It returns
// ErrNotConnected outside of the connection's life.
func (s *Connection) WriteRTCP(packets []rtcp.Packet) error {
	if !s.writable.Load() {
		return ErrNotConnected
	}
	return s.transport.writeRTCP(packets)
}

// follow lets batches go to the address of a newly selected pair.
func (k *sink) follow(pair sessioninfo.Pair) {
	var batch *egress.Destination
	addr, err := netip.ParseAddrPort(pair.Remote.Address)
	if err == nil && pair.Remote.Protocol == "udp" && pair.Local.Type != "relay" {
		batch = k.engine.media.Open(addr)
	}
	if batch == nil {
		addr = netip.AddrPort{}
	}
	k.lead(addr)
	k.replaceBatch(batch)
}

func (k *sink) replaceBatch(batch *egress.Destination) {
	if old := k.batch.Swap(batch); old != nil {
		old.Close()
	}
}

// lead makes the shortcut for the client's RTCP one from an address; the zero value is none.
func (k *sink) lead(from netip.AddrPort) {
	k.leading.Lock()
	defer k.leading.Unlock()
	if k.from.IsValid() {
		k.engine.media.shortcuts.remove(k.from, k.transport)
	}
	if k.from = from; from.IsValid() && !k.left {
		k.engine.media.shortcuts.add(from, k.transport)
	}
}

// leave ends what the sink has in the socket that all share.
func (k *sink) leave() {
	k.leading.Lock()
	k.left = true
	k.leading.Unlock()
	k.lead(netip.AddrPort{})
	k.replaceBatch(nil)
}

// readFeedback hands the viewer's RTCP to feedback from now on. What was agreed on may not
// be settled before the client is heard.
func (k *sink) readFeedback(feedback Feedback) {
	if feedback == nil {
		return
	}
	k.transport.feedback.Store(&listener{
		packets: feedback.HandleRTCP,
		remb:    func() bool { return k.remb },
		transport: func(fci []byte) {
			if slices.ContainsFunc(k.tracks, func(t SendTrack) bool { return t.TransportCCExtensionID != 0 }) {
				feedback.HandleTransportFeedback(fci)
			}
		},
	})
}
