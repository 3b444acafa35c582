package peer

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/pion/srtp/v3"

	"porthole/internal/egress"
	"porthole/internal/negotiate"
)

// IsDirectInterface says whether clients are told the addresses of an interface.
func IsDirectInterface(name string) bool { return classifyInterface(name) == interfaceDirect }

// NarrowOffer returns the offer that pion is given when codecs are chosen by mid.
func NarrowOffer(offer *negotiate.Offer, codecs map[string]negotiate.Codec) (string, error) {
	sections, err := planSections(offer, oneEach(codecs))
	if err != nil {
		return "", err
	}
	return narrowOffer(offer, sections)
}

// OneEach makes the choice of one codec for each section that of a list of one.
func OneEach(codecs map[string]negotiate.Codec) map[string][]negotiate.Codec { return oneEach(codecs) }

// NTPTime exposes the conversion of RTCP's clock.
func NTPTime(ntp uint64) time.Time { return ntpTime(ntp) }

// DiscardingViewer is a connected viewer's session whose packets go to a port
// where nobody listens: what it costs is what we add to encryption and socket.
func DiscardingViewer(udp *net.UDPConn, nobody netip.AddrPort, tracks ...SendTrack) (*Session, error) {
	conn, err := egress.New(udp, egress.Segmented)
	if err != nil {
		return nil, err
	}
	profile := srtp.ProtectionProfileAeadAes128Gcm
	send, err := srtp.CreateContext(make([]byte, 16), make([]byte, 12), profile)
	if err != nil {
		return nil, err
	}
	s := &Session{sink: &sink{link: &viewerLink{}, tracks: tracks}}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	s.sink.link.crypt.Store(&crypt{send: send, tag: 16})
	s.sink.batch.Store(conn.Open(nobody))
	s.writable.Store(true)
	return s, nil
}
