package conformance_test

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// sender sends one made-up track: thirty pictures or fifty sounds a second.
type sender struct {
	local *webrtc.TrackLocalStaticRTP
	codec codec
	rtp   *webrtc.RTPSender

	stop    chan struct{} // closed by end
	once    sync.Once
	running sync.WaitGroup

	mu       sync.Mutex
	shape    func(n int) [][]byte // payloads of the n-th picture; guarded by mu
	extend   func(*rtp.Packet)    // adds header extensions; may be nil; guarded by mu
	feedback []rtcp.Packet        // that came from the server; guarded by mu
	heard    []time.Time          // when; guarded by mu
	sent     int                  // pictures or sounds; guarded by mu
}

func newSender(local *webrtc.TrackLocalStaticRTP, c codec, rtpSender *webrtc.RTPSender) *sender {
	s := &sender{local: local, codec: c, rtp: rtpSender, stop: make(chan struct{})}
	s.shape = func(n int) [][]byte { return picture(c, n) }
	return s
}

// picture is a keyframe of the codec that a relay takes for one; n is in its end.
func picture(c codec, n int) [][]byte {
	number := binary.BigEndian.AppendUint32(nil, uint32(n))
	switch c.MimeType {
	case webrtc.MimeTypeVP8:
		return [][]byte{append([]byte{0x10, 0x00, 0, 0, 0x9d, 1, 0x2a, 64, 0, 64, 0}, number...)}
	case webrtc.MimeTypeVP9:
		return [][]byte{append([]byte{0x0c, 0x00}, number...)}
	case webrtc.MimeTypeH264:
		return [][]byte{baselineSPS, pps, append([]byte{0x65, 0x88}, number...)}
	default: // sound
		return [][]byte{append([]byte{0xfc}, number...)}
	}
}

// Parameter sets of 640x360, constrained baseline and high profile.
var (
	baselineSPS = []byte("\x67\x42\xe0\x1e\xd9\x00\xa0\x2f\xf9\x70\x11\x00\x00\x03\x00\x01\x00\x00\x03\x00\x32\x0f\x16\x2e\x48")
	highSPS     = []byte("\x67\x64\x00\x28\xac\xd9\x40\x78\x02\x27\xa9\xb0\x11\x00\x00\x03\x00\x01\x00\x00\x03\x00\x32\x0f\x18\x31\x96")
	pps         = []byte("\x68\xcb\x83\xcb\x20")
)

// send sends from now on, all tracks of the publisher.
func (p *peer) send() {
	begin := time.Now() // of all, so that they are in step
	for _, s := range p.sending {
		s.start(begin)
	}
}

// start begins with one track.
func (s *sender) start(begin time.Time) {
	s.running.Go(func() { s.run(begin) })
	s.running.Go(s.listen)
}

// run sends by the clock: a busy machine makes pictures late but not fewer.
func (s *sender) run(begin time.Time) {
	interval := time.Second / 30
	if s.codec.kind == "audio" {
		interval = 20 * time.Millisecond
	}
	tick := time.NewTimer(0)
	defer tick.Stop()
	var sequence uint16
	for n := 0; ; n++ {
		tick.Reset(time.Until(begin.Add(time.Duration(n) * interval)))
		select {
		case <-tick.C:
		case <-s.stop:
			return
		}
		s.mu.Lock()
		payloads, extend := s.shape(n), s.extend
		s.sent = n + 1
		s.mu.Unlock()
		timestamp := uint32(n) * uint32(uint64(s.codec.ClockRate)*uint64(interval)/uint64(time.Second))
		for i, payload := range payloads {
			packet := &rtp.Packet{
				Header:  rtp.Header{Version: 2, SequenceNumber: sequence, Timestamp: timestamp, Marker: i == len(payloads)-1},
				Payload: payload,
			}
			sequence++
			if extend != nil {
				extend(packet)
			}
			_ = s.local.WriteRTP(packet) // a connection that has ended is noticed elsewhere
		}
	}
}

// listen notes the feedback until the connection ends.
func (s *sender) listen() {
	for {
		packets, _, err := s.rtp.ReadRTCP()
		if err != nil {
			return
		}
		s.mu.Lock()
		for _, p := range packets {
			s.feedback = append(s.feedback, p)
			s.heard = append(s.heard, time.Now())
		}
		s.mu.Unlock()
	}
}

// end stops the pictures; listen ends when the connection does.
func (s *sender) end() { s.once.Do(func() { close(s.stop) }) }

// heardOf returns when feedback of one type came.
func heardOf[T rtcp.Packet](s *sender) (times []time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, p := range s.feedback {
		if _, ok := p.(T); ok {
			times = append(times, s.heard[i])
		}
	}
	return times
}

// reshape changes what is sent from now on.
func (s *sender) reshape(shape func(n int) [][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shape = shape
}
