package peer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"porthole/internal/negotiate"
)

// Restart begins a new ICE session (RFC 9725 4.3.3) with the client's new
// credentials and candidates in f, and returns ours, complete. DTLS and media go on
// as they are: they change over to the new path when it is there. Candidates given
// to Trickle belong to the new session from then on. An error says that nothing
// was changed, or, if it wraps ErrNotConnected, that the session is over.
func (s *Session) Restart(f *negotiate.Fragment) (*negotiate.Fragment, error) {
	s.restarting.Lock()
	defer s.restarting.Unlock()
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotConnected, err)
	}
	if s.offered.waiting() {
		return nil, ErrICERestart
	}
	remote := iceSide{ufrag: f.Ufrag, pwd: f.Pwd}
	for _, c := range f.Candidates {
		if s.hasSection(c) && len(remote.candidates) < maxTrickled {
			remote.candidates = append(remote.candidates, c.Value)
		}
	}
	local, err := s.link.restart(remote, s.engine.settings.timeouts.Gather)
	if err != nil {
		if reason := s.Err(); reason != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotConnected, reason)
		}
		return nil, fmt.Errorf("restart ICE: %w", err)
	}
	s.trickled.Store(int32(len(remote.candidates))) //nolint:gosec // at most maxTrickled
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ufrag = f.Ufrag
	s.reveal(f.Hidden)
	s.life.record("ice restart")
	s.life.remote = nil
	for _, value := range remote.candidates {
		s.life.remote = appendCandidate(s.life.remote, value)
	}
	return s.offer.RestartAnswer(local.ufrag, local.pwd, local.candidates), nil
}

// restart starts the agent anew. The batch goes on to the old address until the
// new path is selected, since it does not ask the agent.
func (l *viewerLink) restart(remote iceSide, gather time.Duration) (iceSide, error) {
	if err := l.plan.renew(); err != nil {
		return iceSide{}, err
	}
	if err := l.agent.Restart("", ""); err != nil { // fails when it is closed only
		return iceSide{}, fmt.Errorf("restart the agent: %w", err)
	}
	if err := l.agent.SetRemoteCredentials(remote.ufrag, remote.pwd); err != nil {
		return iceSide{}, fmt.Errorf("set the client's credentials: %w", err)
	}
	// Not the request's context: half a restart would be the end of the session.
	candidates, err := l.gather(l.ctx, gather)
	if err != nil {
		return iceSide{}, err
	}
	l.addCandidates(remote.candidates)
	ufrag, pwd, err := l.agent.GetLocalUserCredentials()
	if err != nil {
		return iceSide{}, fmt.Errorf("read ICE credentials: %w", err)
	}
	return iceSide{ufrag: ufrag, pwd: pwd, candidates: candidates}, nil
}

// restart makes pion believe that the client has made its offer again, with
// nothing changed but its side of ICE: that is the only way to restart a
// PeerConnection. The answer is of no interest but for ours.
func (l *publisherLink) restart(remote iceSide, gather time.Duration) (iceSide, error) {
	offer, err := l.offerAgain(remote)
	if err == nil {
		err = l.plan.renew()
	}
	if err != nil {
		return iceSide{}, err
	}
	if err = l.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return iceSide{}, fmt.Errorf("apply the repeated offer: %w", err)
	}
	answer, err := l.pc.CreateAnswer(nil)
	if err != nil {
		return iceSide{}, fmt.Errorf("create the answer: %w", err)
	}
	gathered := webrtc.GatheringCompletePromise(l.pc) // of the gathering that the offer has begun
	if err = l.pc.SetLocalDescription(answer); err != nil {
		return iceSide{}, fmt.Errorf("apply the answer: %w", err)
	}
	if err = awaitCandidates(context.Background(), gathered, gather); err != nil {
		return iceSide{}, err
	}
	return localSide(l.plan.replaceCandidates(l.pc.LocalDescription().SDP))
}

// offerAgain returns the offer with another side of ICE. Tracks whose SSRC was not
// announced are announced now: pion would take them for removed ones.
func (l *publisherLink) offerAgain(remote iceSide) (string, error) {
	var description sdp.SessionDescription
	if err := description.UnmarshalString(l.offered); err != nil {
		return "", fmt.Errorf("read the offer: %w", err)
	}
	ice := []string{"ice-ufrag", "ice-pwd", sdp.AttrKeyCandidate, sdp.AttrKeyEndOfCandidates}
	description.Origin.SessionVersion++
	for i, media := range description.MediaDescriptions {
		media.Attributes = keep(media.Attributes, func(a sdp.Attribute) bool { return !slices.Contains(ice, a.Key) })
		media.WithICECredentials(remote.ufrag, remote.pwd)
		for _, value := range remote.candidates {
			if i == 0 {
				media.WithValueAttribute(sdp.AttrKeyCandidate, strings.TrimPrefix(value, "candidate:"))
			}
		}
		if _, announced := media.Attribute(sdp.AttrKeySSRC); announced {
			continue
		}
		for _, ssrc := range l.arriving(webrtc.NewRTPCodecType(media.MediaName.Media)) {
			media.WithValueAttribute(sdp.AttrKeySSRC, strconv.FormatUint(uint64(ssrc), 10)+" cname:-")
		}
	}
	text, err := description.Marshal()
	if err != nil {
		return "", fmt.Errorf("write the offer again: %w", err)
	}
	return string(text), nil
}

// arriving returns the SSRCs of a kind that pion receives, those of simulcast
// layers aside, which it knows by their RID. Not by section: what was not announced
// has a transceiver of its own, without a mid. There is one section of a kind.
func (l *publisherLink) arriving(kind webrtc.RTPCodecType) (ssrcs []webrtc.SSRC) {
	for _, transceiver := range l.pc.GetTransceivers() {
		if transceiver.Kind() != kind || transceiver.Receiver() == nil {
			continue
		}
		for _, track := range transceiver.Receiver().Tracks() {
			if track.RID() == "" && track.SSRC() != 0 {
				ssrcs = append(ssrcs, track.SSRC())
			}
		}
	}
	return ssrcs
}

// localSide reads our side of ICE out of our description.
func localSide(text string) (iceSide, error) {
	var description sdp.SessionDescription
	if err := description.UnmarshalString(text); err != nil {
		return iceSide{}, fmt.Errorf("read our description: %w", err)
	}
	var side iceSide
	for _, media := range description.MediaDescriptions {
		for _, a := range media.Attributes {
			switch a.Key {
			case "ice-ufrag":
				side.ufrag = a.Value
			case "ice-pwd":
				side.pwd = a.Value
			case sdp.AttrKeyCandidate:
				side.candidates = append(side.candidates, a.Value)
			}
		}
	}
	if side.ufrag == "" || side.pwd == "" {
		return iceSide{}, errors.New("our description has no ICE credentials")
	}
	return side, nil
}
