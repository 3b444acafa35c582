package negotiate_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"porthole/internal/codec"
	"porthole/internal/negotiate"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// newPeer makes a peer connection that uses the loopback interface only, with
// the codecs that configure registers.
func newPeer(t *testing.T, configure func(*webrtc.MediaEngine) error) *webrtc.PeerConnection {
	t.Helper()
	var s webrtc.SettingEngine
	s.SetIncludeLoopbackCandidate(true)
	s.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() })
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	m := new(webrtc.MediaEngine)
	if err := configure(m); err != nil {
		t.Fatal(err)
	}
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithSettingEngine(s)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.GracefulClose() })

	return pc
}

// register registers one codec of the offer and its retransmission, as the
// server does: pion then cannot answer with any other.
func register(m *webrtc.MediaEngine, kind webrtc.RTPCodecType, c negotiate.Format) error {
	feedback := make([]webrtc.RTCPFeedback, 0, len(c.Feedback))
	for _, value := range c.Feedback {
		typ, parameter, _ := strings.Cut(value, " ")
		feedback = append(feedback, webrtc.RTCPFeedback{Type: typ, Parameter: parameter})
	}
	err := m.RegisterCodec(webrtc.RTPCodecParameters{
		PayloadType: webrtc.PayloadType(c.PayloadType),
		RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: c.MimeType, ClockRate: c.ClockRate, Channels: c.Channels, SDPFmtpLine: c.Fmtp, RTCPFeedback: feedback,
		},
	}, kind)
	if err != nil || c.RTX == 0 {
		return err
	}

	return m.RegisterCodec(webrtc.RTPCodecParameters{
		PayloadType: webrtc.PayloadType(c.RTX),
		RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeRTX, ClockRate: c.ClockRate, SDPFmtpLine: fmt.Sprintf("apt=%d", c.PayloadType),
		},
	}, kind)
}

// answer lets pion answer an offer with the given codecs by kind and returns
// the finished text.
func answer(t *testing.T, o *negotiate.Offer, codecs map[string]negotiate.Format) (*webrtc.PeerConnection, string) {
	t.Helper()
	pc := newPeer(t, func(m *webrtc.MediaEngine) error {
		for kind, c := range codecs {
			k := webrtc.NewRTPCodecType(kind)
			if err := register(m, k, c); err != nil {
				return err
			}
			for _, uri := range []string{"urn:ietf:params:rtp-hdrext:sdes:mid", "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"} {
				if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, k); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if o.Role == negotiate.Watch {
		for kind, c := range codecs {
			capability := webrtc.RTPCodecCapability{MimeType: c.MimeType, ClockRate: c.ClockRate, Channels: c.Channels, SDPFmtpLine: c.Fmtp}
			track, err := webrtc.NewTrackLocalStaticRTP(capability, kind, "porthole")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}); err != nil {
				t.Fatal(err)
			}
		}
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: o.SDP}); err != nil {
		t.Fatalf("SetRemoteDescription: %v\n%s", err, o.SDP)
	}
	sd, err := pc.CreateAnswer(nil)
	if err != nil {
		t.Fatalf("CreateAnswer: %v", err)
	}
	if err := pc.SetLocalDescription(sd); err != nil {
		t.Fatalf("SetLocalDescription: %v", err)
	}
	select {
	case <-gathered:
	case <-time.After(5 * time.Second):
		t.Fatal("gathering did not end")
	}

	return pc, mustFinish(t, o, pc.LocalDescription().SDP)
}

// choose picks the codecs as WHIP does, and as WHEP does for a stream of video.
func choose(t *testing.T, o *negotiate.Offer, stream map[string]codec.Codec) map[string]negotiate.Format {
	t.Helper()
	codecs := make(map[string]negotiate.Format)
	for _, m := range o.Media {
		if m.Rejected {
			continue
		}
		var c negotiate.Format
		supported, err := m.Supported()
		if len(supported) > 0 {
			c = supported[0]
		}
		if want, sent := stream[m.Kind]; sent {
			c, err = m.Match(want)
		} else if o.Role == negotiate.Watch {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		codecs[m.Kind] = c
	}

	return codecs
}

// Every captured offer, answered by the real thing, gives an answer by the book.
func TestPionAnswersRealOffers(t *testing.T) {
	opus := codec.Codec{MimeType: "audio/opus", ClockRate: 48000, Channels: 2}
	tests := []struct {
		name   string
		stream map[string]codec.Codec // for a viewer: what is sent
		video  string                 // the m= line
		audio  string
		lines  []string
	}{
		{"chromium-sendonly", nil, "m=video 9 UDP/TLS/RTP/SAVPF 96 97", "m=audio 9 UDP/TLS/RTP/SAVPF 111", []string{"a=recvonly", "a=ice-options:trickle", "a=setup:active", "a=rtcp-rsize"}},
		{"firefox-sendonly", nil, "m=video 9 UDP/TLS/RTP/SAVPF 120 124", "m=audio 9 UDP/TLS/RTP/SAVPF 109", []string{"a=recvonly", "a=group:BUNDLE 2 3"}},
		{"ffmpeg-whip", nil, "m=video 9 UDP/TLS/RTP/SAVPF 106 105", "m=audio 9 UDP/TLS/RTP/SAVPF 111", []string{"a=recvonly", "a=setup:active"}},
		{"obs", nil, "m=video 9 UDP/TLS/RTP/SAVPF 96", "m=audio 9 UDP/TLS/RTP/SAVPF 111", []string{"a=recvonly", "a=ice-options:ice2 trickle"}},
		{"obs-simulcast", nil, "m=video 9 UDP/TLS/RTP/SAVPF 96", "m=audio 9 UDP/TLS/RTP/SAVPF 111", []string{"a=simulcast:recv 0;1;2", "a=rid:0 recv", "a=rid:2 recv"}},
		{"gstreamer", nil, "m=video 9 UDP/TLS/RTP/SAVPF 96 97", "m=audio 9 UDP/TLS/RTP/SAVPF 98", []string{"a=rtcp-mux-only", "a=group:BUNDLE video0 audio1"}},
		{"chromium-recvonly", map[string]codec.Codec{"video": h264("42c01f", "1"), "audio": opus}, "m=video 9 UDP/TLS/RTP/SAVPF 108 109", "m=audio 9 UDP/TLS/RTP/SAVPF 111", []string{"a=sendonly", "a=msid:porthole video", "a=msid:porthole audio"}},
		{"firefox-recvonly", map[string]codec.Codec{"video": video("video/VP8", ""), "audio": opus}, "m=video 9 UDP/TLS/RTP/SAVPF 120 124", "m=audio 9 UDP/TLS/RTP/SAVPF 109", []string{"a=sendonly"}},
		{"safari-recvonly", map[string]codec.Codec{"video": h264("42c01f", "1")}, "m=video 9 UDP/TLS/RTP/SAVPF 98 99", "m=audio 0 UDP/TLS/RTP/SAVPF 0", []string{"a=group:BUNDLE 1", "a=mid:0"}},
		{"libdatachannel-recvonly", map[string]codec.Codec{"video": h264("42c01f", "1")}, "m=video 9 UDP/TLS/RTP/SAVPF 102", "m=audio 0 UDP/TLS/RTP/SAVPF 0", []string{"m=application 0 UDP/DTLS/SCTP webrtc-datachannel"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := mustParse(t, roleOf(tt.name), string(fixture(t, tt.name)))
			_, text := answer(t, o, choose(t, o, tt.stream))
			wantLines(t, text, append(tt.lines, tt.video, tt.audio, "a=end-of-candidates")...)
			wantNone(t, text, "a=rtcp:", "bundle-only", "sprop-parameter-sets", " 2 udp ", "a=sendrecv")
			if strings.Count(text, "a=candidate:") == 0 || len(text) >= 8192 {
				t.Errorf("%d bytes:\n%s", len(text), text)
			}
		})
	}
}

// OBS: the client has no candidates in its offer, and the finished answer is all
// that it ever gets. It has to be enough for another implementation of SDP to
// accept, and for both to connect.
func TestFinishedAnswerConnects(t *testing.T) {
	client := newPeer(t, (*webrtc.MediaEngine).RegisterDefaultCodecs)
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		if _, err := client.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
	}
	connected := make(chan struct{})
	client.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			close(connected)
		}
	})
	offer, err := client.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	o := mustParse(t, negotiate.Watch, offer.SDP)
	if o.HasCandidates {
		t.Error("the offer has candidates before gathering")
	}
	// The stream has no audio, so the first section is rejected.
	_, text := answer(t, o, choose(t, o, map[string]codec.Codec{"video": video("video/VP8", "")}))

	if err := client.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	if err := client.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: text}); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	select {
	case <-connected:
	case <-ctx.Done():
		t.Fatalf("not connected:\n%s", text)
	}
}
