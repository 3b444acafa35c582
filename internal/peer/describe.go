package peer

import (
	"context"
	cryptorand "crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/pion/dtls/v3/pkg/crypto/fingerprint"
	"github.com/pion/ice/v4"
	"github.com/pion/sdp/v3"

	"porthole/internal/negotiate"
)

// answer writes the answer and begins to connect.
func (l *mediaTransport) answer(
	ctx context.Context, offer *negotiate.Offer, sections []section, gather time.Duration,
) (string, error) {
	remote, err := describeRemote(offer.Transport, offer.Ufrag, offer.Pwd)
	if err != nil {
		return "", err
	}
	candidates, err := l.gather(ctx, gather)
	if err != nil {
		return "", err
	}
	setup := sdp.ConnectionRolePassive
	if remote.weAreClient {
		setup = sdp.ConnectionRoleActive
	}
	description, err := l.describe(setup, sections, candidates)
	if err != nil {
		return "", err
	}
	finished, err := negotiate.FinishAnswer(offer, description)
	if err != nil {
		return "", fmt.Errorf("finish the answer: %w", err)
	}
	if err = l.observe(); err != nil {
		return "", fmt.Errorf("observe ICE: %w", err)
	}
	return finished, l.start(remote)
}

// awaitCandidates waits until all local candidates are known, but no longer than
// bound: an answer without the last of them is better than none. WHIP and WHEP wait
// here.
func awaitCandidates(ctx context.Context, gathered <-chan struct{}, bound time.Duration) error {
	timer := time.NewTimer(bound)
	defer timer.Stop()
	select {
	case <-gathered:
	case <-timer.C:
	case <-ctx.Done():
		return fmt.Errorf("gather candidates: %w", context.Cause(ctx))
	}
	return nil
}

// gather returns our candidates, as values of a=candidate lines.
func (l *mediaTransport) gather(ctx context.Context, bound time.Duration) ([]string, error) {
	gathered := make(chan struct{})
	// Once, because the end of a gathering that was given up may be told to the next.
	end := sync.OnceFunc(func() { close(gathered) })
	err := l.agent.OnCandidate(func(c ice.Candidate) {
		if c == nil { // the last one has been
			end()
		}
	})
	if err == nil {
		err = l.agent.GatherCandidates()
	}
	if err != nil {
		return nil, fmt.Errorf("gather candidates: %w", err)
	}
	if err = awaitCandidates(ctx, gathered, bound); err != nil {
		return nil, err
	}
	return l.candidates.lines(), nil
}

// describe writes the sections of the plan as RFC 8829 5.3.1 asks for; package
// negotiate does the rest.
func (l *mediaTransport) describe(setup sdp.ConnectionRole, sections []section, candidates []string) (*sdp.SessionDescription, error) {
	ufrag, pwd, err := l.agent.GetLocalUserCredentials()
	if err != nil {
		return nil, fmt.Errorf("read ICE credentials: %w", err)
	}
	description := &sdp.SessionDescription{
		Origin: sdp.Origin{
			Username: "-", SessionID: rand.Uint64() >> 1, SessionVersion: 1,
			NetworkType: "IN", AddressType: "IP4", UnicastAddress: "0.0.0.0",
		},
		SessionName:      "-",
		TimeDescriptions: []sdp.TimeDescription{{}},
	}
	description.WithValueAttribute("fingerprint", l.engine.cert.fingerprint)
	description.WithPropertyAttribute(sdp.AttrKeyExtMapAllowMixed)
	var mids []string
	for i, s := range sections {
		mids = append(mids, s.mid)
		media := &sdp.MediaDescription{
			MediaName: sdp.MediaName{
				Media: s.kind, Port: sdp.RangedPort{Value: 9}, Protos: []string{"UDP", "TLS", "RTP", "SAVPF"},
			},
			ConnectionInformation: &sdp.ConnectionInformation{
				NetworkType: "IN", AddressType: "IP4", Address: &sdp.Address{Address: "0.0.0.0"},
			},
		}
		media.WithValueAttribute(sdp.AttrKeyConnectionSetup, setup.String()).
			WithValueAttribute(sdp.AttrKeyMID, s.mid).
			WithICECredentials(ufrag, pwd).
			WithPropertyAttribute(sdp.AttrKeyRTCPMux).
			WithPropertyAttribute(sdp.AttrKeyRTCPRsize)
		s.narrow(media)
		switch {
		case s.idle:
		case l.ingest != nil:
			s.accept(media)
		default:
			s.announce(media)
		}
		if i == 0 {
			for _, value := range candidates {
				media.WithValueAttribute("candidate", value)
			}
			media.WithPropertyAttribute(sdp.AttrKeyEndOfCandidates)
		}
		description.WithMedia(media)
	}
	description.WithValueAttribute(sdp.AttrKeyGroup, "BUNDLE "+strings.Join(mids, " "))
	return description, nil
}

// announce writes which SSRCs the section's track has, and of which stream it is.
func (s section) announce(media *sdp.MediaDescription) {
	media.WithPropertyAttribute(sdp.AttrKeySendOnly)
	media.WithValueAttribute(sdp.AttrKeyMsid, s.streamID+" "+s.kind)
	ssrcs := []uint32{s.ssrc}
	if s.codec.RTX != 0 {
		ssrcs = append(ssrcs, s.rtxSSRC)
		media.WithValueAttribute(sdp.AttrKeySSRCGroup, fmt.Sprintf("FID %d %d", s.ssrc, s.rtxSSRC))
	}
	for _, ssrc := range ssrcs { // Chromium wants the lines for each
		media.WithMediaSource(ssrc, s.cname, s.streamID, s.kind)
	}
}

// accept writes that the section receives, and which layers of simulcast (RFC 8853
// section 5.3.2).
func (s section) accept(media *sdp.MediaDescription) {
	media.WithPropertyAttribute(sdp.AttrKeyRecvOnly)
	for _, rid := range s.rids {
		media.WithValueAttribute("rid", rid+" recv")
	}
	if len(s.rids) > 0 {
		media.WithValueAttribute("simulcast", "recv "+strings.Join(s.rids, ";"))
	}
}

// remoteDescription is what a client's offer, or its answer to ours, says about its end of the connection.
type remoteDescription struct {
	ufrag, pwd   string
	fingerprints []string // "sha-256 AB:CD:…"
	candidates   []string
	lite         bool
	weAreClient  bool // in DTLS
	weControl    bool // in ICE
}

// describeRemote takes over what package negotiate has read of a description.
func describeRemote(t *negotiate.Transport, ufrag, pwd string) (remoteDescription, error) {
	if t == nil {
		return remoteDescription{}, fmt.Errorf("%w: no section has a transport", negotiate.ErrUnusable)
	}
	return remoteDescription{
		ufrag: ufrag, pwd: pwd, fingerprints: t.Fingerprints, candidates: t.Candidates, lite: t.Lite,
		// Where the choice is ours: the client of DTLS saves a round trip (RFC 8842 5.3).
		weAreClient: !t.Active,
	}, nil
}

// verify says whether the certificate of the handshake is the one that the offer
// promised (RFC 8827 6.5).
func (r remoteDescription) verify(certificates [][]byte, _ [][]*x509.Certificate) error {
	if len(certificates) == 0 {
		return errors.New("the client sent no certificate")
	}
	certificate, err := x509.ParseCertificate(certificates[0])
	if err != nil {
		return fmt.Errorf("parse the client's certificate: %w", err)
	}
	for _, line := range r.fingerprints {
		name, want, _ := strings.Cut(line, " ")
		hash, err := fingerprint.HashFromString(name)
		if err != nil {
			continue // one of several, that we do not know
		}
		if got, err := fingerprint.Fingerprint(certificate, hash); err == nil && strings.EqualFold(got, strings.TrimSpace(want)) {
			return nil
		}
	}
	return errWrongCertificate
}

// newCNAME returns a name that says nothing about anybody (RFC 7022 4.2).
func newCNAME() string { return cryptorand.Text()[:16] }

// newSSRC returns a random SSRC (RFC 3550 8.1), never zero.
func newSSRC() uint32 { return rand.Uint32N(1<<32-1) + 1 }
