package whep

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"sync"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
	"porthole/internal/negotiate"
	"porthole/internal/peer"
	"porthole/internal/sessioninfo"
	"porthole/internal/sessions"
	"porthole/internal/signaling"
)

// session is one viewer and its peer connection.
type session struct {
	// Set by open, read-only afterwards.
	engine      *peer.Engine
	broadcaster *broadcast.Broadcaster
	stream      string
	client      netip.Addr
	id          string           // in logs
	asked       *negotiate.Offer // the client's; nil when it made none
	offer       *negotiate.Offer // that counts, the client's or ours
	tracks      map[string]track // by mid
	viewer      *broadcast.Viewer
	counter     bool // the offer is ours
	table       *sessions.Table

	peer *peer.Connection // set by Connect, before anything but Close may be called
}

var (
	_ signaling.Session    = (*session)(nil)
	_ signaling.Chooser    = (*session)(nil)
	_ signaling.Networked  = (*session)(nil)
	_ signaling.Answerable = (*session)(nil)
	_ signaling.Restarter  = (*session)(nil)
	_ sessions.Examiner    = (*session)(nil)
	_ broadcast.Sink       = sink{}
	_ peer.Feedback        = (*broadcast.Viewer)(nil)
)

// Connect answers the offer, or makes one.
func (s *session) Connect(ctx context.Context) (string, error) {
	if s.counter {
		p, err := s.engine.Offer(ctx, peer.OfferConfig{
			Offer: s.offer, StreamID: s.stream, Within: signaling.CounterOfferWithin, Client: s.client, ID: s.id,
		})
		if err != nil {
			return "", err
		}
		s.peer = p
		return p.Answer(), nil
	}
	codecs := make(map[string]negotiate.Format, len(s.tracks))
	for mid, t := range s.tracks {
		codecs[mid] = t.format
	}
	p, err := s.engine.Send(ctx, peer.SendConfig{Offer: s.offer, Codecs: codecs, StreamID: s.stream, Client: s.client, ID: s.id})
	if err != nil {
		return "", err
	}
	s.peer = p
	return p.Answer(), nil
}

// Serve sends to the viewer from when its connection is up until either has ended.
func (s *session) Serve(ctx context.Context) error {
	served := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		defer func() {
			if value := recover(); value != nil {
				s.peer.Close(s.table.Recovered(value, s.id))
			}
		}()
		s.watch(served)
	})
	reason := s.peer.Serve(ctx, s.viewer)
	s.viewer.Close(reason)
	close(served)
	watch.Wait()
	return reason
}

// watch starts the viewer when the connection is up and ends the connection when
// the viewer has ended.
func (s *session) watch(served <-chan struct{}) {
	select {
	case <-s.peer.Connected():
		if err := s.viewer.Start(s.viewerConfig()); err != nil {
			s.peer.Close(err)
			return
		}
	case <-s.viewer.Done():
	case <-served:
	}
	select {
	case <-s.viewer.Done():
		s.viewer.Close(s.viewer.Err()) // says goodbye while there is a connection
		s.peer.Close(s.viewer.Err())
	case <-served:
	}
}

// viewerConfig says how the viewer agreed to receive the tracks.
func (s *session) viewerConfig() broadcast.ViewerConfig {
	cfg := broadcast.ViewerConfig{Sink: sink{s.peer}, CNAME: s.peer.CNAME(), Session: s.id, Wants: s.wants}
	for _, sent := range s.peer.Tracks() {
		t := s.tracks[sent.Mid]
		tc := &broadcast.TrackConfig{
			SSRC: sent.SSRC, PayloadType: sent.PayloadType,
			RTXSSRC: sent.RTXSSRC, RTXPayloadType: sent.RTXPayloadType,
			MID: sent.Mid, MIDExtensionID: sent.MIDExtensionID,
			CaptureTimeExtensionID:  sent.CaptureTimeExtensionID,
			TransportCCExtensionID:  sent.TransportCCExtensionID,
			PlayoutDelayExtensionID: sent.PlayoutDelayExtensionID,
			PassedExtensionID:       sent.PassedExtensionID,
			Foreseen:                t.foreseen,
			Accepts:                 t.accepts,
		}
		if t.kind == codec.Video {
			cfg.Video = tc
		} else {
			cfg.Audio = tc
		}
	}
	return cfg
}

// wants tells whether the client has offered to take a codec of a kind that this
// session has no track for. Who asked for our offer and made none takes what there is.
func (s *session) wants(c codec.Codec) bool {
	switch {
	case takes(s.tracks, c.Kind()): // what it did not accept of our offer, it does not want
		return false
	case s.asked == nil:
		return true
	}
	return slices.ContainsFunc(s.asked.Media, func(media negotiate.Media) bool {
		_, err := media.Match(c)
		return err == nil && media.Flows()
	})
}

// Close ends viewer and connection, whichever there are, and frees the place.
func (s *session) Close(reason error) {
	s.viewer.Close(reason)
	if s.peer != nil {
		s.peer.Close(reason)
	}
}

// Trickle takes candidates of the viewer.
func (s *session) Trickle(f *negotiate.Fragment) error { return s.peer.Trickle(f) }

// Answer takes the viewer's answer to the offer that Connect has made.
func (s *session) Answer(body []byte) (ufrag, pwd string, err error) {
	answer, err := s.offer.ParseAnswer(body)
	if err != nil {
		return "", "", err
	}
	return answer.Ufrag, answer.Pwd, s.peer.Accept(answer)
}

// Restart gives the viewer's connection another path.
func (s *session) Restart(_ context.Context, f *negotiate.Fragment) (*negotiate.Fragment, error) {
	return s.peer.Restart(f)
}

// Examine finds out how ICE goes, for the next Detail.
func (s *session) Examine() { s.peer.Examine() }

// Detail describes the session for people.
func (s *session) Detail() sessioninfo.Detail {
	info := s.peer.Info()
	return sessioninfo.Detail{State: info.State, Peer: info, Viewer: viewerInfo(s.viewer.Stats())}
}

// Network describes the path to the viewer.
func (s *session) Network() sessioninfo.Network { return network(s.viewer.Stats()) }

// Summary says how much went out and how much could not.
func (s *session) Summary() []slog.Attr {
	stats := s.viewer.Stats()
	attrs := []slog.Attr{
		slog.Uint64("packets", stats.Packets), slog.Uint64("bytes", stats.Bytes),
		slog.Uint64("resent", stats.Resent), slog.Uint64("dropped", stats.Dropped()),
	}
	for _, reason := range broadcast.DropReasons() {
		if n := stats.Drops[reason]; n > 0 {
			attrs = append(attrs, slog.Uint64("dropped_"+reason.String(), n))
		}
	}
	return attrs
}
