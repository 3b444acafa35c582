package whip_test

import (
	"net/http"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"porthole/internal/servertest"
)

// TestPublisherOfOneCodecThatOffersAll is a program built on pion as most are:
// its offer lists every codec of the library, VP8 first, and its track is the one
// thing that it really sends.
func TestPublisherOfOneCodecThatOffersAll(t *testing.T) {
	for mime, payload := range map[string][]byte{
		webrtc.MimeTypeH264: {0x65, 1, 2, 3},
		webrtc.MimeTypeVP8:  {0x10, 0, 0, 0},
		webrtc.MimeTypeVP9:  {0x8a, 0, 0, 0},
		webrtc.MimeTypeAV1:  {0x18, 0, 0, 0},
	} {
		t.Run(mime, func(t *testing.T) {
			s := servertest.Start(t, servertest.Config{})
			pc, track := everyCodec(t, mime)
			connected := make(chan struct{})
			pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
				if state == webrtc.PeerConnectionStateConnected {
					close(connected)
				}
			})
			offer, err := pc.CreateOffer(nil)
			if err != nil {
				t.Fatal(err)
			}
			gathered := webrtc.GatheringCompletePromise(pc)
			if err = pc.SetLocalDescription(offer); err != nil {
				t.Fatal(err)
			}
			servertest.Wait(t, "the client's candidates", gathered)
			reply := s.Post("/whip/cam", pc.LocalDescription().SDP)
			if reply.Status != http.StatusCreated {
				t.Fatalf("got %d: %s", reply.Status, reply.Body)
			}
			if n := len(reply.Body); n >= 8192 {
				t.Errorf("the answer has %d bytes", n)
			}
			err = pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: reply.Body})
			if err != nil {
				t.Fatalf("the client refuses the answer: %v\n%s", err, reply.Body)
			}
			servertest.Wait(t, "the publisher's connection", connected)
			seq := uint16(0)
			servertest.Until(t, "the stream to be live", func() bool {
				seq++
				packet := &rtp.Packet{
					Header:  rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: uint32(seq) * 3000, Marker: true},
					Payload: payload,
				}
				if err := track.WriteRTP(packet); err != nil {
					t.Fatal(err)
				}
				return stream(s).Live
			})
			if got := stream(s).Tracks[0].Codec.MimeType; got != mime {
				t.Errorf("the stream is %s, want %s", got, mime)
			}
		})
	}
}

// everyCodec returns a publisher whose offer has all of pion's codecs.
func everyCodec(t *testing.T, mime string) (*webrtc.PeerConnection, *webrtc.TrackLocalStaticRTP) {
	t.Helper()
	media := &webrtc.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithSettingEngine(settings)).
		NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.GracefulClose() })
	track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime, ClockRate: 90_000}, "video", "cam")
	if err != nil {
		t.Fatal(err)
	}
	_, err = pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		t.Fatal(err)
	}
	return pc, track
}
