package peer_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"

	"porthole/internal/negotiate"
	"porthole/internal/peer"
)

// The offers of real clients, answered by a real engine.
func TestAnswersToRealClients(t *testing.T) {
	for _, test := range []struct {
		file  string
		role  negotiate.Role
		setup string
		want  []string // lines of the answer
		not   []string
	}{
		{"chromium-recvonly", negotiate.Watch, "active",
			[]string{"a=sendonly", "a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:mid", "a=rtcp-fb:102 nack pli", "a=fmtp:103 apt=102",
				"a=rtcp-fb:102 transport-cc", "a=rtcp-fb:111 transport-cc", "a=extmap:4 " + transportCCURI, "a=extmap:5 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"},
			[]string{"goog-remb", "VP8", "a=rtpmap:108"}},
		{"chromium-sendonly", negotiate.Publish, "active",
			[]string{"a=recvonly", "transport-cc", "transport-wide-cc"}, []string{"goog-remb", "VP8", "sdes:mid"}},
		{"firefox-recvonly", negotiate.Watch, "active", []string{"a=sendonly", "sdes:mid", "a=rtpmap:120 VP8", "a=rtcp-fb:120 transport-cc", "a=extmap:7 " + transportCCURI, "a=extmap:6/sendonly http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"}, []string{"VP9", "goog-remb"}},
		{"firefox-sendonly", negotiate.Publish, "active", []string{"a=recvonly", "transport-cc"}, nil},
		// It says passive and waits for our ClientHello, whatever we answer.
		{"ffmpeg-whip", negotiate.Publish, "active",
			[]string{"a=recvonly", "a=rtcp-fb:106 nack", "a=fmtp:105 apt=106"}, []string{"nack pli", "extmap:"}},
	} {
		t.Run(test.file, func(t *testing.T) {
			engine := newEngine(t, peer.Config{})
			s := answerOffer(t, engine, realOffer(t, test.role, test.file))
			defer s.Close(nil)
			answer := s.Answer()
			candidate := fmt.Sprintf("udp 2130706431 127.0.0.1 %d typ host", engine.Addr().Port())
			for _, want := range append(test.want, "a=setup:"+test.setup, candidate, "a=end-of-candidates") {
				if !strings.Contains(answer, want) {
					t.Errorf("the answer lacks %q", want)
				}
			}
			for _, not := range append(test.not, "a=setup:actpass", ".local") {
				if strings.Contains(answer, not) {
					t.Errorf("the answer has %q", not)
				}
			}
			if len(answer) >= 8192 {
				t.Errorf("the answer has %d bytes, FFmpeg takes less than 8192", len(answer))
			}
			if t.Failed() {
				t.Log(answer)
			}
		})
	}
}

const transportCCURI = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

// A viewer gets numbered packets where it would report on them. Who cannot report on them may
// say what it believes it can receive.
func TestViewersSayWhatTheirPathCarries(t *testing.T) {
	offer := readOffer(t, "chromium-recvonly")
	forAll := strings.Replace(offer, "a=rtcp-fb:111 transport-cc\r\n", "a=rtcp-fb:* transport-cc\r\n", 1)
	for name, test := range map[string]struct {
		offer              string
		audio, video, remb bool
	}{
		"both":                {offer, true, true, false},
		"for all codecs":      {forAll, true, true, false},
		"no number":           {without(offer, "a=extmap:4 "), false, false, true},
		"no report on sound":  {without(offer, "a=rtcp-fb:111 "), false, true, false},
		"no report at all":    {strings.ReplaceAll(offer, " transport-cc", " nack"), false, false, true},
		"neither nor the old": {strings.ReplaceAll(without(offer, "a=extmap:4 "), " goog-remb", " nack"), false, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := answerOffer(t, newEngine(t, peer.Config{}), parse(t, negotiate.Watch, test.offer))
			defer s.Close(nil)
			reports := 0
			for _, track := range s.Tracks() {
				want := map[string]bool{"audio": test.audio, "video": test.video}[track.Kind]
				if want != (track.TransportCCExtensionID == 4) {
					t.Errorf("%s has extension %d, wanted: %v", track.Kind, track.TransportCCExtensionID, want)
				}
				if want {
					reports++
				}
			}
			answer := s.Answer()
			if n := strings.Count(answer, transportCCURI); n != reports {
				t.Errorf("%d sections have the extension, want %d", n, reports)
			}
			if n := strings.Count(answer, " transport-cc\r\n"); n != reports {
				t.Errorf("%d sections have transport-cc, want %d", n, reports)
			}
			if got := strings.Contains(answer, " goog-remb\r\n"); got != test.remb {
				t.Errorf("goog-remb: %v", got)
			}
		})
	}
}

// answerOffer accepts H.264 where it is offered, and what we relay of the rest.
func answerOffer(t *testing.T, engine *peer.Engine, offer *negotiate.Offer) *peer.Connection {
	t.Helper()
	chosen := make(map[string]negotiate.Format)
	for _, media := range offer.Media {
		supported, err := media.Supported()
		if err != nil {
			t.Fatal(err)
		}
		codec := supported[0]
		for _, c := range media.Codecs {
			if c.MimeType == webrtc.MimeTypeH264 {
				codec = c
				break
			}
		}
		chosen[media.Mid] = codec
	}
	var s *peer.Connection
	var err error
	if offer.Role == negotiate.Publish {
		s, err = engine.Receive(t.Context(), peer.ReceiveConfig{Offer: offer, Codecs: peer.OneEach(chosen)})
	} else {
		s, err = engine.Send(t.Context(), peer.SendConfig{Offer: offer, Codecs: chosen, StreamID: "webcam"})
	}
	if err != nil {
		t.Fatalf("answer: %v", err)
	}
	return s
}

func TestPublicAddressIsAnnouncedBesidesTheLocalOne(t *testing.T) {
	engine := newEngine(t, peer.Config{PublicIPs: []netip.Addr{netip.MustParseAddr("203.0.113.5")}})
	s := answered(t, engine)
	defer s.Close(nil)
	for _, protocol := range []string{"udp", "tcp"} {
		for _, ip := range []string{"203.0.113.5", "127.0.0.1"} {
			if !hasCandidate(s.Answer(), protocol, netip.AddrPortFrom(netip.MustParseAddr(ip), engine.Addr().Port())) {
				t.Errorf("no %s candidate with %s in\n%s", protocol, ip, s.Answer())
			}
		}
	}
	if first := line(s.Answer(), "a=candidate:"); !strings.Contains(first, "203.0.113.5") || !strings.Contains(first, "udp") {
		t.Errorf("the first candidate is %q, want the public address over UDP: FFmpeg tries no other", first)
	}
}

// hasCandidate looks for a host candidate.
func hasCandidate(answer, protocol string, addr netip.AddrPort) bool {
	for l := range strings.SplitSeq(answer, "\r\n") {
		f := strings.Fields(l)
		if strings.HasPrefix(l, "a=candidate:") && f[2] == protocol && f[4] == addr.Addr().String() &&
			f[5] == fmt.Sprint(addr.Port()) && f[7] == "host" {
			return true
		}
	}
	return false
}

func TestAllInterfacesWithoutLoopback(t *testing.T) {
	engine := newEngine(t, peer.Config{Media: ":0"})
	if !engine.Addr().Addr().IsUnspecified() || engine.Addr().Port() == 0 {
		t.Errorf("Addr = %v, want an unspecified IP and a port", engine.Addr())
	}
	s := answered(t, engine)
	defer s.Close(nil)
	for l := range strings.SplitSeq(s.Answer(), "\r\n") {
		if strings.HasPrefix(l, "a=candidate:") && (strings.Contains(l, " 127.") || strings.Contains(l, " ::1 ")) {
			t.Errorf("loopback was not named and is a candidate: %s", l)
		}
	}
}
