package peer

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"porthole/internal/negotiate"
)

// OfferConfig describes a viewer's session in which we make the offer.
type OfferConfig struct {
	// Offer is what negotiate.NewCounterOffer has made.
	Offer *negotiate.Offer
	// StreamID is the MediaStream id that all tracks share (a=msid, RFC 8830).
	StreamID string
	// Within is how long the client may take to answer, from when the session is
	// served. Accept begins the time that it has to connect.
	Within time.Duration
	// Client is ReceiveConfig.Client.
	Client netip.Addr
	// ID names the session in logs.
	ID string
}

// Offer makes an offer to a viewer: Session.Answer is its text, and nothing is sent
// before Session.Accept. Otherwise it is like Send.
func (e *Engine) Offer(ctx context.Context, cfg OfferConfig) (*Connection, error) {
	codecs := make(map[string]negotiate.Format, len(cfg.Offer.Media))
	for _, media := range cfg.Offer.Media {
		codecs[media.Mid] = media.Codecs[0]
	}
	sections, err := planSections(cfg.Offer, oneEach(codecs))
	if err != nil {
		return nil, err
	}
	e.admit(cfg.Client)
	return e.open(ctx, cfg.Offer, sections, func(s *Connection) (clientTransport, error) {
		_, err := e.sendTransport(s, SendConfig{Offer: cfg.Offer, StreamID: cfg.StreamID, ID: cfg.ID}, sections)
		if err != nil {
			return nil, err
		}
		s.offered = &offeringTransport{mediaTransport: s.sink.transport, within: cfg.Within, accepted: make(chan struct{})}
		return s.offered, nil
	})
}

// offeringTransport is a mediaLink that waits for an answer before it connects.
type offeringTransport struct {
	*mediaTransport
	within   time.Duration
	accepted chan struct{} // closed by accept

	mu             sync.Mutex // keeps accept and close apart
	begun, stopped bool
}

// answer writes the offer.
func (l *offeringTransport) answer(
	ctx context.Context, offer *negotiate.Offer, sections []section, gather time.Duration,
) (string, error) {
	candidates, err := l.gather(ctx, gather)
	if err != nil {
		return "", err
	}
	description, err := l.describe(sdp.ConnectionRoleActpass, sections, candidates)
	if err != nil {
		return "", err
	}
	finished, err := offer.FinishOffer(description)
	if err != nil {
		return "", fmt.Errorf("finish the offer: %w", err)
	}
	if err = l.observe(); err != nil {
		return "", fmt.Errorf("observe ICE: %w", err)
	}
	return finished, nil
}

// accept begins to connect. Who offers controls (RFC 8445 6.1.1).
func (l *offeringTransport) accept(remote remoteDescription) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.stopped:
		return ErrNotConnected
	case l.begun:
		return ErrAnswered
	}
	remote.weControl = true
	if err := l.start(remote); err != nil {
		return err
	}
	l.begun = true
	close(l.accepted)
	return nil
}

func (l *offeringTransport) close() error {
	l.mu.Lock()
	l.stopped = true
	l.mu.Unlock()
	return l.mediaTransport.close()
}

// waiting says whether the client has yet to answer.
func (l *offeringTransport) waiting() bool {
	if l == nil {
		return false
	}
	select {
	case <-l.accepted:
		return false
	default:
		return true
	}
}

// Accept takes the client's answer to the offer that Engine.Offer has made, and
// begins to connect. It returns ErrAnswered when that has happened before, or for a
// session that began with the client's offer, and ErrNotConnected when the session
// is over.
func (s *Connection) Accept(answer *negotiate.Answer) error {
	s.restarting.Lock()
	defer s.restarting.Unlock()
	if !s.offered.waiting() {
		return ErrAnswered
	}
	remote, err := describeRemote(answer.Transport, answer.Ufrag, answer.Pwd)
	if err != nil {
		return err
	}
	s.sink.agree(answer)
	s.mu.Lock()
	s.ufrag = answer.Ufrag
	s.life.answered = time.Now()
	s.life.record("answered by the client")
	s.life.remote = candidatesOf(remote.candidates)
	s.mu.Unlock()
	return s.offered.accept(remote)
}

// agree reduces the tracks to what the client takes of them. Nobody looks at them
// before the connection is up.
func (k *sink) agree(answer *negotiate.Answer) {
	var tracks []SendTrack
	k.remb = false
	for _, t := range k.tracks {
		i := slices.IndexFunc(answer.Media, func(m negotiate.Media) bool { return m.Mid == t.Mid })
		if i < 0 {
			continue
		}
		media := answer.Media[i]
		if media.Codecs[0].RTX == 0 {
			t.RTXSSRC, t.RTXPayloadType = 0, 0
		}
		has := func(id uint8) bool {
			return slices.ContainsFunc(media.Extensions, func(x negotiate.Extension) bool { return x.ID == id })
		}
		if !has(t.MIDExtensionID) {
			t.MIDExtensionID = 0
		}
		if !has(t.CaptureTimeExtensionID) {
			t.CaptureTimeExtensionID = 0
		}
		if !has(t.PlayoutDelayExtensionID) {
			t.PlayoutDelayExtensionID = 0
		}
		if !has(t.TransportCCExtensionID) || !slices.Contains(media.Codecs[0].Feedback, webrtc.TypeRTCPFBTransportCC) {
			t.TransportCCExtensionID = 0
		}
		k.remb = k.remb || slices.Contains(media.Codecs[0].Feedback, webrtc.TypeRTCPFBGoogREMB)
		tracks = append(tracks, t)
	}
	k.tracks = tracks
}
