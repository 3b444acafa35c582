package peer

import (
	"context"
	"net/netip"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"porthole/internal/negotiate"
)

// IsDirectInterface says whether clients are told the addresses of an interface.
func IsDirectInterface(name string) bool { return classifyInterface(name) == interfaceDirect }

// MappedAddrs returns what the STUN servers have told so far.
func (e *Engine) MappedAddrs() []netip.AddrPort { return e.stun.mapped() }

// WithMapped makes an engine believe that a STUN server told an address.
func (e *Engine) WithMapped(addr netip.AddrPort) { e.stun.note("stun.example:3478", addr) }

// NarrowOffer returns the offer that pion is given when codecs are chosen by mid.
func NarrowOffer(offer *negotiate.Offer, codecs map[string]negotiate.Codec) (string, error) {
	sections, err := planSections(offer, codecs)
	if err != nil {
		return "", err
	}
	return narrowOffer(offer, sections)
}

// NTPTime exposes the conversion of RTCP's clock.
func NTPTime(ntp uint64) time.Time { return ntpTime(ntp) }

// discard takes packets as the connection of a viewer would.
type discard struct{}

func (discard) WriteRTP(_ *rtp.Header, payload []byte) (int, error) { return len(payload), nil }
func (discard) Write(b []byte) (int, error)                         { return len(b), nil }

var _ webrtc.TrackLocalWriter = discard{}

// DiscardingViewer is a connected viewer's session whose packets go nowhere: what
// it costs is what we add to pion.
func DiscardingViewer(tracks ...SendTrack) *Session {
	s := &Session{}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	s.sink = &sink{session: s}
	for _, track := range tracks {
		s.sink.tracks = append(s.sink.tracks, &sendTrack{negotiated: track, writer: discard{}})
	}
	s.writable.Store(true)
	return s
}
