package load_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"porthole/internal/ntp"
)

// whepServer is a WHEP endpoint of plain pion, so that the generator is tested
// against a server that is not ours. Each session is sent 50 frames a second of
// 4 packets, a keyframe every 10 frames, and sound.
type whepServer struct {
	*httptest.Server
	sessions atomic.Int32 // that were ever opened
	deleted  atomic.Int32
	opened   sync.WaitGroup

	// skip says which packets are not sent: the session counts from 0, frames and packets too.
	skip func(session, frame, packet int) bool
	// age makes pictures tell when they were taken: so long before they are sent. 0: they do not.
	age time.Duration
}

func newServer(t *testing.T, tcp bool) *whepServer {
	t.Helper()
	s := &whepServer{skip: func(int, int, int) bool { return false }}
	var settings webrtc.SettingEngine
	settings.LoggerFactory = &logging.DefaultLoggerFactory{DefaultLogLevel: logging.LogLevelDisabled}
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetIPFilter(net.IP.IsLoopback)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	if tcp {
		listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
		mux := webrtc.NewICETCPMux(settings.LoggerFactory.NewLogger("ice"), listener, 1<<16)
		settings.SetICETCPMux(mux)
		t.Cleanup(func() { mux.Close() })
	}
	api := webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(mediaEngine(t)))

	mux := http.NewServeMux()
	mux.HandleFunc("POST /whep", func(w http.ResponseWriter, r *http.Request) {
		s.create(t, api, mux, w, r)
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		s.Close()
		s.opened.Wait()
	})
	return s
}

// captureTimeURI names the extension that tells when a picture was taken.
const captureTimeURI = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"

func mediaEngine(t *testing.T) *webrtc.MediaEngine {
	t.Helper()
	media := &webrtc.MediaEngine{}
	err := errors.Join(
		media.RegisterDefaultCodecs(),
		media.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: captureTimeURI}, webrtc.RTPCodecTypeVideo),
	)
	if err != nil {
		t.Fatal(err)
	}
	return media
}

func (s *whepServer) create(t *testing.T, api *webrtc.API, mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	number := int(s.sessions.Add(1)) - 1
	offer, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Error(err)
		return
	}
	video := newTrack(t, pc, webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeH264, ClockRate: 90000,
		SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
	})
	audio := newTrack(t, pc, webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2})

	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var sending sync.WaitGroup
	s.opened.Add(1)
	end := sync.OnceFunc(func() {
		defer s.opened.Done()
		cancel()
		sending.Wait()
		pc.GracefulClose()
	})
	t.Cleanup(end)
	var start sync.Once
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			start.Do(func() { sending.Go(func() { s.send(ctx, number, pc, video, audio) }) })
		}
	})
	answer := answerOf(t, pc, string(offer))

	session := "/whep/" + strconv.Itoa(number)
	mux.HandleFunc("DELETE "+session, func(http.ResponseWriter, *http.Request) {
		s.deleted.Add(1)
		end()
	})
	w.Header().Set("Location", session)
	w.Header().Set("Content-Type", "application/sdp")
	w.WriteHeader(http.StatusCreated)
	io.WriteString(w, answer)
}

func newTrack(t *testing.T, pc *webrtc.PeerConnection, codec webrtc.RTPCodecCapability) *webrtc.TrackLocalStaticRTP {
	track, err := webrtc.NewTrackLocalStaticRTP(codec, codec.MimeType, "stream")
	if err != nil {
		t.Error(err)
		return nil
	}
	if _, err := pc.AddTrack(track); err != nil {
		t.Error(err)
	}
	return track
}

func answerOf(t *testing.T, pc *webrtc.PeerConnection, offer string) string {
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		t.Error(err)
		return ""
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		t.Error(err)
		return ""
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(answer); err != nil {
		t.Error(err)
	}
	<-gathered
	return pc.LocalDescription().SDP
}

const (
	frameRate       = 50
	packetsPerFrame = 4
)

func (s *whepServer) send(ctx context.Context, session int, pc *webrtc.PeerConnection, video, audio *webrtc.TrackLocalStaticRTP) {
	captureTimeID := captureTimeID(pc)
	timer := time.NewTimer(0)
	defer timer.Stop()
	begin := time.Now()
	seq := uint16(65500) // wraps soon
	for frame := 0; ; frame++ {
		// By the clock, so that a busy machine makes frames late but not fewer.
		timer.Reset(time.Until(begin.Add(time.Duration(frame) * time.Second / frameRate)))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		for i := range packetsPerFrame {
			seq++
			p := videoPacket(seq, frame, i)
			if s.age != 0 && captureTimeID != 0 {
				p.SetExtension(captureTimeID, ntpBytes(time.Now().Add(-s.age)))
			}
			if !s.skip(session, frame, i) {
				video.WriteRTP(p)
			}
		}
		audio.WriteRTP(&rtp.Packet{
			Header:  rtp.Header{Version: 2, SequenceNumber: uint16(frame), Timestamp: uint32(frame) * 960},
			Payload: []byte("sound"),
		})
	}
}

// captureTimeID returns the id that was agreed upon for the capture time, 0 for none.
func captureTimeID(pc *webrtc.PeerConnection) uint8 {
	for _, sender := range pc.GetSenders() {
		for _, x := range sender.GetParameters().HeaderExtensions {
			if x.URI == captureTimeURI {
				return uint8(x.ID)
			}
		}
	}
	return 0
}

// ntpBytes is a time in seconds since 1900, 32 bits before and 32 after the point.
func ntpBytes(at time.Time) []byte {
	return binary.BigEndian.AppendUint64(nil, ntp.Timestamp(at))
}

// videoPacket is a fragment (FU-A, RFC 6184 section 5.8) of an H.264 picture.
func videoPacket(seq uint16, frame, i int) *rtp.Packet {
	const slice, idr, fua = 1, 5, 28
	nal := byte(slice)
	if frame%10 == 0 {
		nal = idr
	}
	payload := make([]byte, 600)
	payload[0], payload[1] = 0x60|fua, nal
	if i == 0 {
		payload[1] |= 0x80
	}
	if i == packetsPerFrame-1 {
		payload[1] |= 0x40
	}
	binary.BigEndian.PutUint32(payload[2:], uint32(frame))
	return &rtp.Packet{
		Header: rtp.Header{
			Version: 2, SequenceNumber: seq, Timestamp: uint32(frame) * (90000 / frameRate),
			Marker: i == packetsPerFrame-1,
		},
		Payload: payload,
	}
}
