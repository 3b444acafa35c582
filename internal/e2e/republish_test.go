//go:build e2e && linux

package e2e_test

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// republisher is a WHIP publisher that sends what it watches of another stream,
// and like OBS and FFmpeg does nothing when it is asked for a keyframe.
type republisher struct {
	keyframeRequests atomic.Int64
	lastKeyframe     atomic.Pointer[time.Time] // when the newest one began; nil: none yet

	mu       sync.Mutex
	pictures []time.Time // when each one's last packet was sent; guarded by mu
}

// republish sends the video of one stream as another one, from a machine of the
// server's network or, when that is nil, from this one, to the end of the test.
func republish(t testing.TB, s *server, from, to string, on *machine) *republisher {
	t.Helper()
	r := &republisher{}
	ignore := func([]byte, time.Time) {}
	watching, err := newTracedPeer(t, s, on, ignore)
	if err != nil {
		t.Fatalf("republish %s: %v", from, err)
	}
	sending, err := newTracedPeer(t, s, on, ignore)
	if err != nil {
		t.Fatalf("republish %s: %v", from, err)
	}
	// As the pattern describes itself; another profile would be another codec.
	codec := webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeH264, ClockRate: 90_000,
		SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
	}
	track, err := webrtc.NewTrackLocalStaticRTP(codec, "video", "again")
	if err != nil {
		t.Fatalf("republish %s: %v", from, err)
	}
	transceiver, err := sending.pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		t.Fatalf("republish %s: %v", from, err)
	}
	// What is encoded already can be sent in one way only, so nothing else is offered.
	if err := transceiver.SetCodecPreferences([]webrtc.RTPCodecParameters{{RTPCodecCapability: codec}}); err != nil {
		t.Fatalf("republish %s: %v", from, err)
	}
	_, err = watching.pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
	if err != nil {
		t.Fatalf("republish %s: %v", from, err)
	}
	var copying sync.WaitGroup
	watching.pc.OnTrack(func(source *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { r.copy(source, track) })
	copying.Go(func() { r.count(transceiver.Sender()) })
	t.Cleanup(func() {
		watching.close()
		sending.close()
		copying.Wait()
	})
	if err := sending.signal("/whip/" + to); err != nil {
		t.Fatalf("publish %s: %v", to, err)
	}
	sending.waitConnected(t)
	if err := watching.signal("/whep/" + from); err != nil {
		t.Fatalf("watch %s: %v", from, err)
	}
	return r
}

// copy passes packets on to the end of the source.
func (r *republisher) copy(source *webrtc.TrackRemote, to *webrtc.TrackLocalStaticRTP) {
	for {
		packet, _, err := source.ReadRTP()
		if err != nil {
			return
		}
		if beginsKeyframe(packet.Payload) {
			now := time.Now()
			r.lastKeyframe.Store(&now)
		}
		// Extensions are numbered anew by each connection.
		packet.Extension, packet.Extensions = false, nil
		_ = to.WriteRTP(&rtp.Packet{Header: packet.Header, Payload: packet.Payload}) // viewers see what is missing
		if packet.Marker {
			r.mu.Lock()
			r.pictures = append(r.pictures, time.Now())
			r.mu.Unlock()
		}
	}
}

// count counts what the server asks for, and does nothing about it.
func (r *republisher) count(sender *webrtc.RTPSender) {
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range packets {
			switch p.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				r.keyframeRequests.Add(1)
			}
		}
	}
}

// picturesBetween returns when pictures were sent in a period.
func (r *republisher) picturesBetween(from, to time.Time) []time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.pictures), func(at time.Time) bool { return at.Before(from) || !at.Before(to) })
}

// longestStep is the longest time from one moment to the next.
func longestStep(times []time.Time) (longest time.Duration) {
	for i := range times[:max(len(times)-1, 0)] {
		longest = max(longest, times[i+1].Sub(times[i]))
	}
	return longest
}

// beginsKeyframe tells an H.264 packet with parameter sets, which come before
// every keyframe and only there.
func beginsKeyframe(payload []byte) bool {
	const sps, aggregation = 7, 24
	if len(payload) < 4 {
		return false
	}
	kind := payload[0] & 0x1f
	return kind == sps || kind == aggregation && payload[3]&0x1f == sps
}

// waitKeyframeAge waits until the newest keyframe is so old.
func (r *republisher) waitKeyframeAge(t testing.TB, age time.Duration) {
	t.Helper()
	var watched *time.Time // one that was seen young, so that it is not about to be replaced
	waitFor(t, 20*time.Second, "a keyframe to be "+age.String()+" old", func() error {
		last := r.lastKeyframe.Load()
		if last != nil && last != watched && time.Since(*last) < age/2 {
			watched = last
		}
		if last == nil || last != watched || time.Since(*last) < age {
			return errNotYet
		}
		return nil
	})
}
