package broadcast

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"porthole/internal/processtest"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// encrypting is a sink that does what SRTP costs, and keeps what a browser would report.
type encrypting struct {
	aead     cipher.AEAD
	nonce    [12]byte
	out      [1500]byte
	first    uint16 // transport-wide number of what was not reported yet
	packets  uint16 // so many
	feedback [8 + 2 + 64]byte
}

func newEncrypting(tb testing.TB) *encrypting {
	tb.Helper()
	block, err := aes.NewCipher(make([]byte, 16))
	if err != nil {
		tb.Fatal(err)
	}
	s := new(encrypting)
	if s.aead, err = cipher.NewGCM(block); err != nil {
		tb.Fatal(err)
	}
	return s
}

func (s *encrypting) WriteRTP(h *rtp.Header, payload []byte) (int, error) {
	n, err := h.MarshalTo(s.out[:])
	if err != nil {
		return 0, err
	}
	binary.BigEndian.PutUint16(s.nonce[:], h.SequenceNumber)
	sealed := s.aead.Seal(s.out[n:n], s.nonce[:], payload, s.out[:n])
	s.packets++
	return n + len(sealed), nil
}

func (*encrypting) Flush() error                  { return nil }
func (*encrypting) WriteRTCP([]rtcp.Packet) error { return nil }

// told returns feedback on all that was sent since the last time: it arrived, a packet every quarter of
// a millisecond from a time on, in units of 64 ms and of 250 µs.
func (s *encrypting) told(ticks int64, count uint8) []byte {
	n := min(s.packets, 64)
	f := s.feedback[:]
	binary.BigEndian.PutUint16(f, s.first)
	binary.BigEndian.PutUint16(f[2:], n)
	ref := ticks / 256
	f[4], f[5], f[6], f[7] = byte(ref>>16), byte(ref>>8), byte(ref), count
	binary.BigEndian.PutUint16(f[8:], 1<<13|n) // a run of small deltas
	for i := range n {
		f[10+i] = 1
	}
	f[10] = byte(ticks % 256)
	s.first += s.packets
	s.packets = 0
	return f[:10+n]
}

// pass lets time pass for a broadcaster whose senders do not run.
func pass(b *Broadcaster, l *Layer, d time.Duration) {
	b.clock.began = b.clock.began.Add(-d)
	l.clock.began, b.senders[0].clock.began = b.clock.began, b.clock.began
}

// watched is a second of a stream of 2.6 Mbit/s that viewers watch who were made by stillWith.
type watched struct {
	b       *Broadcaster
	l       *Layer
	sinks   []*encrypting
	packets int
	count   uint8
}

func (w *watched) second(tb testing.TB, feedback bool) {
	for picture := range 30 {
		for range 10 {
			w.packets++
			write(tb, w.l, w.packets)
		}
		pass(w.b, w.l, time.Second/30)
		serve(w.b)
		if picture%3 == 1 { // with the next one, 20 a second
			continue
		}
		w.count++
		now := w.b.clock.now()
		for i, v := range viewersOf(w.b) {
			told := w.sinks[i].told(now/250_000, w.count)
			if feedback {
				v.HandleTransportFeedback(told)
			}
		}
	}
}

func watchedBy(tb testing.TB, viewers int, estimated bool) *watched {
	tb.Helper()
	w := new(watched)
	w.b, w.l = stillWith(tb, viewers, func(c *ViewerConfig) {
		s := newEncrypting(tb)
		w.sinks = append(w.sinks, s)
		c.Sink = s
		c.Video.RTXSSRC, c.Video.RTXPayloadType = 2, 97
		if !estimated {
			c.Video.TransportCCExtensionID = 0
		}
	})
	for _, s := range w.sinks {
		s.told(0, 0) // what was sent so far is not told of
	}
	return w
}

// BenchmarkViewerSecond is what a viewer costs in a second, in processor time: with encryption, without sockets; with
// transport-wide numbers and twenty feedbacks on them, and without.
func BenchmarkViewerSecond(b *testing.B) {
	for _, viewers := range []int{1, 50, 300} {
		for _, estimated := range []bool{false, true} {
			b.Run(fmt.Sprintf("viewers=%d/estimated=%v", viewers, estimated), func(b *testing.B) {
				w := watchedBy(b, viewers, estimated)
				w.second(b, estimated)
				b.ReportAllocs()
				before := processtest.ProcessorTime(b)
				for b.Loop() {
					w.second(b, estimated)
				}
				b.ReportMetric(float64(processtest.ProcessorTime(b)-before)/float64(b.N*viewers), "cpu-ns/viewer-second")
			})
		}
	}
}

// Feedback is heard, and nothing is allocated for it.
func TestFeedbackDoesNotAllocate(t *testing.T) {
	w := watchedBy(t, 3, true)
	for range 3 {
		w.second(t, true)
	}
	if n := testing.AllocsPerRun(20, func() {
		now := w.b.clock.now()
		for i, v := range viewersOf(w.b) {
			w.sinks[i].packets = 10
			v.HandleTransportFeedback(w.sinks[i].told(now/250_000, 0))
		}
	}); n != 0 {
		t.Errorf("feedback allocates %v times, want 0", n)
	}
	for _, v := range viewersOf(w.b) {
		if s := v.Stats(); s.Feedbacks < 60 || v.transport.verdict.RTT == 0 || s.Network.Estimate != 0 {
			t.Errorf("%d feedbacks, a round trip of %v, an estimate of %d", s.Feedbacks, v.transport.verdict.RTT, s.Network.Estimate)
		}
	}
}
