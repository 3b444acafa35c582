//go:build e2e

package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
)

// oddNumbers are what publishers put into the timestamp of their n-th picture, at 30
// a second, and their first sequence number.
var oddNumbers = []struct {
	name     string
	sequence uint16
	clock    func(n int) uint32
}{
	{"both numbers wrap", 65_400, func(n int) uint32 { return uint32(1<<32-90_000) + uint32(n*3000) }},
	{"the clock stands still", 1, func(int) uint32 { return 7 }},
	{"the clock goes backwards", 1, func(n int) uint32 { return uint32(-n * 3000) }},
	{"the clock counts milliseconds", 1, func(n int) uint32 { return uint32(n * 33) }},
	{"the clock is random", 1, func(n int) uint32 { return rand.New(rand.NewPCG(uint64(n), 9)).Uint32() }},
	{"the clock jumps", 1, func(n int) uint32 { return uint32(n*3000) + uint32(n/45)*0x30000000 }},
}

// TestOddNumbersOfPublishers has publishers whose numbers wrap or make no sense, sent
// by a real client to a real one: the viewer gets all pictures, whole, with timestamps
// that go as time does.
func TestOddNumbersOfPublishers(t *testing.T) {
	t.Parallel()
	frames := encodeTestVideo(t)
	s := startServer(t, "--source", patternSource)
	var running sync.WaitGroup
	for i, odd := range oddNumbers {
		stream := fmt.Sprintf("odd%d", i)
		p, sent := publishOdd(t, s, stream, frames, odd.sequence, odd.clock)
		s.waitLive(t, stream, true, 10*time.Second)
		v := watchStamped(t, s, stream)
		running.Go(func() {
			defer p.stop()
			<-time.After(12 * time.Second) // in which the clocks are found out, and both numbers wrap
			v.reset()
			before, watch := sent.Load(), startStopwatch()
			<-time.After(4 * time.Second)
			slowdown := watch.slowdown()
			c, span, wanted := v.counts(), v.span(), int(sent.Load()-before)
			t.Logf("%s: %+v of %d pictures; timestamps tell of %v in %v", odd.name, c, wanted, span.claimed, span.passed)
			// What is on its way when looking begins and ends is a few pictures either way.
			if c.missing != 0 || float64(c.frames) < 0.8*float64(wanted)/slowdown || wanted == 0 {
				t.Errorf("%s: %+v of %d pictures", odd.name, c, wanted)
			}
			if off := (span.claimed - span.passed).Abs(); off > time.Second/2+watch.gone() {
				t.Errorf("%s: the timestamps of %v tell of %v", odd.name, span.passed, span.claimed)
			}
		})
	}
	running.Wait()
}

// publishOdd publishes frames with numbers of the test's own, and counts them.
func publishOdd(t testing.TB, s *server, stream string, frames [][]byte, sequence uint16, clock func(int) uint32) (p *publisher, sent *atomic.Int64) {
	t.Helper()
	base, err := newPeer(s)
	if err != nil {
		t.Fatal(err)
	}
	p, sent = &publisher{peer: base}, new(atomic.Int64)
	t.Cleanup(func() { p.close() })
	codec := webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeH264, ClockRate: 90_000,
		SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
	}
	track, err := webrtc.NewTrackLocalStaticRTP(codec, "video", "odd")
	if err != nil {
		t.Fatal(err)
	}
	transceiver, err := p.pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		t.Fatal(err)
	}
	if err := transceiver.SetCodecPreferences([]webrtc.RTPCodecParameters{{RTPCodecCapability: codec}}); err != nil {
		t.Fatal(err)
	}
	if err := p.signal("/whip/" + stream); err != nil {
		t.Fatal(err)
	}
	p.waitConnected(t)
	done := make(chan struct{})
	var sending sync.WaitGroup
	payloader := &codecs.H264Payloader{}
	sending.Go(func() {
		each(time.Second/30, done, func(n int) {
			payloads := payloader.Payload(1100, frames[n%len(frames)])
			for i, payload := range payloads {
				_ = track.WriteRTP(&rtp.Packet{ // an error is the end of the connection
					Header:  rtp.Header{Version: 2, SequenceNumber: sequence, Timestamp: clock(n), Marker: i == len(payloads)-1},
					Payload: payload,
				})
				sequence++
			}
			sent.Add(1)
		})
	})
	p.stop = sync.OnceFunc(func() {
		close(done)
		sending.Wait()
	})
	t.Cleanup(p.stop)
	return p, sent
}

// stampedViewer is a viewer that also looks at timestamps.
type stampedViewer struct {
	*tally
	mu          sync.Mutex
	first, last uint32
	from, to    time.Time
}

// stretch is how long it was by the clock and by the timestamps.
type stretch struct{ passed, claimed time.Duration }

func watchStamped(t testing.TB, s *server, stream string) *stampedViewer {
	t.Helper()
	p, err := newPeer(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.close() })
	v := &stampedViewer{tally: newTally()}
	_, err = p.pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
	if err != nil {
		t.Fatal(err)
	}
	p.pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			packet, _, err := track.ReadRTP()
			if err != nil {
				return // the connection is over
			}
			now := time.Now()
			v.note(packet.Timestamp, now)
			v.add(packet, now)
		}
	})
	if err := p.signal("/whep/" + stream); err != nil {
		t.Fatal(err)
	}
	p.waitConnected(t)
	return v
}

func (v *stampedViewer) note(timestamp uint32, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.from.IsZero() {
		v.first, v.from = timestamp, now
	}
	v.last, v.to = timestamp, now
}

// reset counts anew, from now.
func (v *stampedViewer) reset() {
	v.mu.Lock()
	v.from = time.Time{}
	v.mu.Unlock()
	v.tally.reset()
}

func (v *stampedViewer) span() stretch {
	v.mu.Lock()
	defer v.mu.Unlock()
	return stretch{v.to.Sub(v.from), time.Duration(int32(v.last-v.first)) * time.Second / 90_000}
}
