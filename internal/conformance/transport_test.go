package conformance_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/elliptic"
	"github.com/pion/webrtc/v4"
)

// MEDIA-01: the cipher suite and the curve that every WebRTC client has (RFC 8827
// section 6.5).
func TestMEDIA01CipherSuite(t *testing.T) {
	t.Parallel()
	s := start(t)
	only := role{settings: func(e *webrtc.SettingEngine) {
		e.SetDTLSCipherSuites(dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)
		e.SetDTLSEllipticCurves(elliptic.P256)
	}}
	publish(t, s, "row", only)
	watchStream(t, s, "row", only).plays("video", "audio")
}

// MEDIA-02: every SRTP profile with every DTLS role, to publish and to watch.
func TestMEDIA02ProfilesAndRoles(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, profile := range map[string]dtls.SRTPProtectionProfile{
		"AES128_CM_HMAC_SHA1_80": dtls.SRTP_AES128_CM_HMAC_SHA1_80, "AEAD_AES_128_GCM": dtls.SRTP_AEAD_AES_128_GCM,
	} {
		for _, setup := range []string{"actpass", "active", "passive"} {
			t.Run(name+" "+setup, func(t *testing.T) {
				only := role{
					settings: func(e *webrtc.SettingEngine) { e.SetSRTPProtectionProfiles(profile) },
					offer:    func(sdp string) string { return strings.ReplaceAll(sdp, "a=setup:actpass", "a=setup:"+setup) },
				}
				stream := fmt.Sprintf("row-%s-%s", name, setup)
				publish(t, s, stream, only)
				watchStream(t, s, stream, only).plays("video", "audio")
			})
		}
	}
}

// MEDIA-03: no media before the handshake, and none without one.
func TestMEDIA03NothingUnencrypted(t *testing.T) {
	t.Parallel()
	s := start(t)
	publish(t, s, "row", role{})
	v := watchStream(t, s, "row", role{}).plays("video", "audio")
	order := v.wire.order()
	if rtp, dtls := slices.Index(order, kindRTP), slices.Index(order, kindDTLS); dtls < 0 || rtp < dtls {
		t.Errorf("what came first of each kind: %v", order)
	}

	ro := role{codecs: []codec{vp8, opus}}
	mute := newViewer(t, s, ro)
	mute.wire.lose(nil, func(b []byte) bool { return kindOf(b) == kindDTLS })
	mute.join("/whep/row", ro)
	until(t, patience, "the server to begin a handshake, twice", func() bool { return mute.wire.count(kindDTLS) >= 2 })
	if n := mute.wire.count(kindRTP) + mute.wire.count(kindRTCP); n > 0 {
		t.Errorf("%d packets of media came without a handshake", n)
	}
	if s.post("/whip/plain", whipOffer(t, "UDP/TLS/RTP/SAVPF", "RTP/AVP", "a=fingerprint:sha-256 3E:5D:09:C4:7A:61:F8:22:9B:E0:14:AD:57:C3:88:0F:6B:D2:41:96:EE:70:35:1C:A9:04:BF:68:DB:12:F7:80\n", "")).status == 201 {
		t.Error("an offer of RTP without encryption is taken")
	}
}

// MEDIA-20: datagrams that get through every network.
func TestMEDIA20DatagramSize(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := publish(t, s, "row", role{})
	p.sending["video"].reshape(func(n int) [][]byte {
		key := picture(vp8, n)[0]
		whole := make([]byte, 1100) // what FFmpeg and OBS send: 1200 with all headers of theirs
		copy(whole, key)
		return [][]byte{whole, append([]byte{0x00}, whole[1:]...)}
	})
	v := watchStream(t, s, "row", role{features: headerExtensions("urn:ietf:params:rtp-hdrext:sdes:mid", "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time")})
	v.plays("video", "audio")
	until(t, patience, "large packets", func() bool { v.wire.mu.Lock(); defer v.wire.mu.Unlock(); return v.wire.largest > 1100 })
	v.wire.mu.Lock()
	defer v.wire.mu.Unlock()
	if v.wire.largest > 1200 {
		t.Errorf("a datagram of %d bytes came", v.wire.largest)
	}
}
