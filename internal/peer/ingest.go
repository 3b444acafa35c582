package peer

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"porthole/internal/negotiate"
)

const (
	nackInterval = 40 * time.Millisecond // between two looks for lost packets
	maxNacks     = 10                    // requests for one packet: 400 ms, then it is too late
)

// ingest is the receiving half of a publisher's session.
type ingest struct {
	// Set by receiveLink, read-only afterwards.
	session  *Session
	sections []section
	onTrack  func(RemoteTrack) (PacketWriter, error)
	losses   *lossReporter

	// incoming has no capacity: pion starts a goroutine for each new track, which
	// waits until Serve takes it or the session ends.
	incoming chan incomingTrack

	// latest is when the newest packet came, in nanoseconds since epoch; 0 is never.
	latest atomic.Int64
	epoch  time.Time

	// Owned by acceptTracks.
	known map[trackKey]bool
}

type incomingTrack struct {
	track    *webrtc.TrackRemote
	receiver *webrtc.RTPReceiver
}

type trackKey struct{ mid, rid string }

// receiveLink makes the connection of a publisher's session.
func (e *Engine) receiveLink(s *Session, cfg ReceiveConfig, sections []section) (link, error) {
	s.id = cfg.ID
	losses, err := newLossReporter()
	if err != nil {
		return nil, err
	}
	interceptors, err := receiveInterceptors(losses, sections)
	if err != nil {
		return nil, err
	}
	media, err := mediaEngine(sections)
	if err != nil {
		return nil, err
	}
	l, err := e.newPublisherLink(media, interceptors)
	if err != nil {
		return nil, err
	}
	s.ingest = &ingest{
		session: s, sections: sections, onTrack: cfg.OnTrack, losses: losses,
		incoming: make(chan incomingTrack), known: make(map[trackKey]bool),
		epoch: time.Now().Add(-time.Second), // so that no packet comes at 0
	}
	l.pc.OnTrack(func(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		select {
		case s.ingest.incoming <- incomingTrack{track, receiver}:
		case <-s.ctx.Done():
		}
	})
	return l, nil
}

// receiveInterceptors are what a publisher needs to hear from us: losses,
// receiver reports and, when negotiated, transport-wide feedback.
func receiveInterceptors(losses *lossReporter, sections []section) (*interceptor.Registry, error) {
	registry := &interceptor.Registry{}
	registry.Add(losses) // first, so that it hears of recovered packets alone
	reports, err := report.NewReceiverInterceptor()
	if err != nil {
		return nil, fmt.Errorf("set up receiver reports: %w", err)
	}
	registry.Add(reports)
	for _, s := range sections {
		for _, x := range s.extensions {
			if x.URI != sdp.TransportCCURI {
				continue
			}
			feedback, err := twcc.NewSenderInterceptor()
			if err != nil {
				return nil, fmt.Errorf("set up transport-wide feedback: %w", err)
			}
			registry.Add(feedback)
			return registry, nil // one serves all sections
		}
	}
	return registry, nil
}

// lastPacket says when the newest packet came, if one ever did.
func (in *ingest) lastPacket() (time.Time, bool) {
	latest := in.latest.Load()
	return in.epoch.Add(time.Duration(latest)), latest != 0
}

// noteMedia notes that a packet came.
func (in *ingest) noteMedia() {
	if in.latest.Swap(int64(time.Since(in.epoch))) != 0 {
		return
	}
	s := in.session
	s.mu.Lock()
	s.life.record("first media")
	s.mu.Unlock()
	s.engine.metrics.media.WithLabelValues(roleLabel(s.role)).Observe(s.age().Seconds())
}

// acceptTracks starts the goroutines of each track that appears.
func (in *ingest) acceptTracks() error {
	for {
		select {
		case t := <-in.incoming:
			if err := in.accept(t); err != nil {
				return err
			}
		case <-in.session.ctx.Done():
			return nil
		}
	}
}

func (in *ingest) accept(t incomingTrack) error {
	sec, codec, ok := in.sectionOf(t)
	key := trackKey{sec.mid, t.track.RID()}
	if !ok || in.known[key] {
		return nil // a payload type or a second SSRC that nobody negotiated
	}
	in.known[key] = true
	keyframes := newKeyframeRequests(in.session, codec.Feedback, uint32(t.track.SSRC()))
	writer, err := in.onTrack(RemoteTrack{
		Mid: sec.mid, RID: key.rid, Codec: codec, SSRC: uint32(t.track.SSRC()),
		PassedExtensionID: sec.extensionID(passedURI(sec.kind)), RequestKeyframe: keyframes.request,
	})
	if err != nil {
		return fmt.Errorf("accept %s track: %w", sec.kind, err)
	}
	in.session.work(func() error { return in.readPackets(t.track, codec, writer) })
	in.session.work(func() error { return in.readReports(t, writer) })
	in.session.work(keyframes.send)
	return nil
}

// sectionOf finds the section of a track, and which of its codecs the track has:
// by its mid or, for an SSRC that was not announced, by its payload type alone,
// which no two sections of a bundle share.
func (in *ingest) sectionOf(t incomingTrack) (section, negotiate.Codec, bool) {
	var mid string
	if transceiver := t.receiver.RTPTransceiver(); transceiver != nil {
		mid = transceiver.Mid()
	}
	// Not track.PayloadType, which a simulcast layer has only once it was read.
	payloadType := uint8(t.track.Codec().PayloadType)
	for _, s := range in.sections {
		if s.idle {
			continue
		}
		for _, codec := range s.accepted() {
			if codec.PayloadType == payloadType && (mid == "" || mid == s.mid) {
				return s, codec, true
			}
		}
	}
	return section{}, negotiate.Codec{}, false
}

// readPackets hands the packets of a track to its writer. Retransmissions are
// among them, as if they had not been lost.
func (in *ingest) readPackets(track *webrtc.TrackRemote, codec negotiate.Codec, writer PacketWriter) error {
	buf := make([]byte, receiveMTU)
	packet := &rtp.Packet{}
	for {
		n, attributes, err := track.Read(buf)
		switch {
		case errors.Is(err, webrtc.ErrCodecNotFound), errors.Is(err, io.ErrShortBuffer):
			continue // one packet that we cannot use
		case err != nil:
			return in.readError(codec.MimeType+" packets", err)
		}
		// A publisher may switch to any payload type of the answer (RFC 8834 4.3),
		// but its viewers have agreed to what it began with.
		if packet.Unmarshal(buf[:n]) != nil || packet.PayloadType != codec.PayloadType {
			continue
		}
		in.noteMedia()
		if attributes.Get(webrtc.AttributeRtxPayloadType) != nil {
			in.losses.recovered(packet.SSRC, buf[:n])
		}
		if err = writer.WriteRTP(packet); err != nil {
			return fmt.Errorf("write %s packet: %w", codec.MimeType, err)
		}
	}
}

// readReports passes on the publisher's clock. The interceptors see RTCP only
// while somebody reads it, so this runs whether or not the writer cares.
func (in *ingest) readReports(t incomingTrack, writer PacketWriter) error {
	reports, _ := writer.(ReportReceiver)
	buf := make([]byte, receiveMTU)
	for {
		n, err := in.readRTCP(t, buf)
		if errors.Is(err, io.ErrShortBuffer) {
			continue
		} else if err != nil {
			return in.readError("reports", err)
		}
		packets, err := rtcp.Unmarshal(buf[:n])
		if err != nil || reports == nil {
			continue
		}
		for _, p := range packets {
			if sr, ok := p.(*rtcp.SenderReport); ok && sr.SSRC == uint32(t.track.SSRC()) {
				reports.SenderReport(ntpTime(sr.NTPTime), sr.RTPTime)
			}
		}
	}
}

func (in *ingest) readRTCP(t incomingTrack, buf []byte) (n int, err error) {
	if rid := t.track.RID(); rid != "" {
		n, _, err = t.receiver.ReadSimulcast(buf, rid)
	} else {
		n, _, err = t.receiver.Read(buf)
	}
	return n, err // readError does
}

// readError turns the error of a read into the end of its loop. EOF is how pion
// says that the connection is closing: that has a reason of its own, which is on
// its way.
func (in *ingest) readError(what string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) || in.session.ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("read %s: %w", what, err)
}

// ntpTime converts a timestamp of RTCP (RFC 3550 4): seconds since 1900 in units
// of 2^-32 s.
func ntpTime(ntp uint64) time.Time {
	const ntpToUnix = 2208988800
	fraction := (ntp & 0xffffffff) * uint64(time.Second) >> 32
	return time.Unix(int64(ntp>>32)-ntpToUnix, int64(fraction)) // both fit
}
