package peer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"porthole/internal/egress"
)

// sink is the sending half of a viewer's session. There are no interceptors in
// it: who writes the packets also numbers, retransmits and reports on them.
type sink struct {
	session *Session
	tracks  []*sendTrack // at most one per kind; read-only after sendLink

	// batch gathers what goes to the selected pair's address; nil before there is
	// one, and while the client is reached over TCP.
	batch atomic.Pointer[egress.Destination]
}

// sendTrack is one outgoing track, in the form in which pion wants it.
type sendTrack struct {
	section  section
	streamID string
	sender   *webrtc.RTPSender

	// Set by Bind while the answer is made, read-only afterwards.
	negotiated SendTrack
	writer     webrtc.TrackLocalWriter
}

var _ webrtc.TrackLocal = (*sendTrack)(nil)

// Bind takes over what was negotiated. pion calls it while it applies the answer.
func (t *sendTrack) Bind(ctx webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	payloadType := webrtc.PayloadType(t.section.codec.PayloadType)
	codecs := ctx.CodecParameters()
	i := slices.IndexFunc(codecs, func(c webrtc.RTPCodecParameters) bool { return c.PayloadType == payloadType })
	if i < 0 {
		return webrtc.RTPCodecParameters{}, webrtc.ErrUnsupportedCodec
	}
	t.writer = ctx.WriteStream()
	t.negotiated = SendTrack{
		Mid: t.section.mid, Kind: t.section.kind,
		SSRC: uint32(ctx.SSRC()), PayloadType: t.section.codec.PayloadType,
	}
	if rtx := uint32(ctx.SSRCRetransmission()); rtx != 0 && t.section.codec.RTX != 0 {
		t.negotiated.RTXSSRC, t.negotiated.RTXPayloadType = rtx, t.section.codec.RTX
	}
	for _, x := range ctx.HeaderExtensions() {
		id := uint8(x.ID) // 1 to 255, RFC 8285
		switch x.URI {
		case sdp.SDESMidURI:
			t.negotiated.MIDExtensionID = id
		case absCaptureTimeURI:
			t.negotiated.CaptureTimeExtensionID = id
		}
	}
	return codecs[i], nil
}

// Unbind has nothing to undo: the session stops writing before it closes.
func (t *sendTrack) Unbind(webrtc.TrackLocalContext) error { return nil }

// ID returns the track's id within its stream (RFC 8830).
func (t *sendTrack) ID() string { return t.section.kind }

// RID returns "": there are no layers.
func (t *sendTrack) RID() string { return "" }

// StreamID returns the id of the stream that all tracks share.
func (t *sendTrack) StreamID() string { return t.streamID }

// Kind returns whether the track is audio or video.
func (t *sendTrack) Kind() webrtc.RTPCodecType { return webrtc.NewRTPCodecType(t.section.kind) }

// sendLink makes the connection of a viewer's session.
func (e *Engine) sendLink(s *Session, cfg SendConfig, sections []section) (*link, error) {
	media, err := mediaEngine(sections)
	if err != nil {
		return nil, err
	}
	l, err := e.newLink(media, &interceptor.Registry{})
	if err != nil {
		return nil, err
	}
	s.sink = &sink{session: s}
	for _, sec := range sections {
		if sec.idle {
			continue
		}
		track := &sendTrack{section: sec, streamID: cfg.StreamID}
		transceiver, err := l.pc.AddTransceiverFromTrack(track,
			webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("add %s track: %w", sec.kind, err), l.close())
		}
		track.sender = transceiver.Sender()
		s.sink.tracks = append(s.sink.tracks, track)
	}
	return l, nil
}

func (k *sink) describe() []SendTrack {
	tracks := make([]SendTrack, 0, len(k.tracks))
	for _, t := range k.tracks {
		tracks = append(tracks, t.negotiated)
	}
	return tracks
}

// track finds the track that sends an SSRC, as media or as retransmission.
func (k *sink) track(ssrc uint32) *sendTrack {
	for _, t := range k.tracks {
		if t.negotiated.SSRC == ssrc || t.negotiated.RTXSSRC == ssrc {
			return t
		}
	}
	return nil
}

// WriteRTP encrypts and sends one packet, whose header carries SSRC, payload
// type and extensions as in Session.Tracks. It keeps neither argument and does
// not wait for a slow client: a TCP connection that is full loses the packet.
// It returns ErrNotConnected outside of the connection's life and for
// publishers, ErrUnknownSSRC for an SSRC that is not the session's.
func (s *Session) WriteRTP(header *rtp.Header, payload []byte) (int, error) {
	if s.sink == nil || !s.writable.Load() {
		return 0, ErrNotConnected
	}
	t := s.sink.track(header.SSRC)
	if t == nil {
		return 0, ErrUnknownSSRC
	}
	return t.writer.WriteRTP(header, payload) // per packet, and the sink of the packet knows more
}

// Flush sends what WriteRTP has queued. It does not wait: an error says that the
// socket refused packets for this client, or that the session is not connected.
func (s *Session) Flush() error {
	if s.sink == nil || !s.writable.Load() {
		return ErrNotConnected
	}
	if batch := s.sink.batch.Load(); batch != nil {
		return batch.Flush() // per picture; the error says it all
	}
	return nil
}

// follow lets batches go to the address of a newly selected pair.
func (k *sink) follow(pair Pair) {
	var batch *egress.Destination
	addr, err := netip.ParseAddrPort(pair.Remote.Address)
	if err == nil && pair.Remote.Protocol == "udp" && pair.Local.Type != "relay" {
		batch = k.session.engine.media.Open(addr)
	}
	k.replaceBatch(batch)
}

func (k *sink) replaceBatch(batch *egress.Destination) {
	if old := k.batch.Swap(batch); old != nil {
		old.Close()
	}
}

// WriteRTCP sends RTCP packets as one compound packet. It returns
// ErrNotConnected outside of the connection's life.
func (s *Session) WriteRTCP(packets []rtcp.Packet) error {
	if !s.writable.Load() {
		return ErrNotConnected
	}
	return s.link.writeRTCP(packets)
}

// readFeedback starts one goroutine per track, which is how pion hands out RTCP.
func (k *sink) readFeedback(feedback func([]rtcp.Packet)) {
	if feedback == nil {
		feedback = func([]rtcp.Packet) {}
	}
	var one sync.Mutex // feedback is promised one call at a time
	for _, t := range k.tracks {
		k.session.work(func() error {
			return k.readTrackFeedback(t, func(packets []rtcp.Packet) {
				one.Lock()
				defer one.Unlock()
				feedback(packets)
			})
		})
	}
}

func (k *sink) readTrackFeedback(t *sendTrack, feedback func([]rtcp.Packet)) error {
	buf := make([]byte, receiveMTU)
	for {
		n, _, err := t.sender.Read(buf)
		switch {
		case errors.Is(err, io.ErrShortBuffer):
			continue
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrClosedPipe), k.session.ctx.Err() != nil:
			return nil // the connection is closing, for a reason of its own
		case err != nil:
			return fmt.Errorf("read %s feedback: %w", t.section.kind, err)
		}
		// A copy, because packets of unknown types point into what they were
		// read from.
		packets, err := rtcp.Unmarshal(bytes.Clone(buf[:n]))
		if err != nil {
			continue
		}
		packets = slices.DeleteFunc(packets, func(p rtcp.Packet) bool { return !k.owns(t, p) })
		if len(packets) > 0 {
			feedback(packets)
		}
	}
}

// owns says whether a packet is for a track to pass on. A report about several
// tracks is read once for each of them, and belongs to the first that it names.
func (k *sink) owns(t *sendTrack, p rtcp.Packet) bool {
	for _, ssrc := range p.DestinationSSRC() {
		if first := k.track(ssrc); first != nil && first.negotiated.SSRC == ssrc {
			return first == t
		}
	}
	return true // about none of them in particular
}
