package broadcast_test

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
)

var (
	h264 = codec.Codec{MimeType: "video/H264", ClockRate: 90_000, Fmtp: "packetization-mode=1;profile-level-id=42e01f"}
	vp8  = codec.Codec{MimeType: "video/VP8", ClockRate: 90_000}
	opus = codec.Codec{MimeType: "audio/opus", ClockRate: 48_000, Channels: 2}
)

const (
	frameTime    = time.Second / 30
	frameTicks   = 3000
	frameParts   = 4 // packets of a picture
	videoSSRC    = 0xaa01
	rtxSSRC      = 0xaa02
	audioSSRC    = 0xaa03
	videoPayload = 102
)

// received is one packet as a sink saw it.
type received struct {
	rtp.Header
	payload string
	at      time.Time
}

// sink keeps what a viewer was sent. Its failures are set by the test.
type sink struct {
	mu        sync.Mutex
	packets   []received
	reports   []rtcp.Packet
	unflushed int
	full      bool
	err       error
	panics    bool
	delay     time.Duration // that each packet takes
}

func (s *sink) WriteRTP(h *rtp.Header, payload []byte) (int, error) {
	s.mu.Lock()
	delay := s.delay
	s.mu.Unlock()
	time.Sleep(delay) // without the lock, on which fake time would not go on
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.panics:
		panic("sink")
	case s.full:
		return 0, broadcast.ErrSinkFull
	case s.err != nil:
		return 0, s.err
	}
	s.packets = append(s.packets, received{cloneHeader(h), string(payload), time.Now()})
	s.unflushed++
	return len(payload), nil
}

// cloneHeader copies a header as it would be on the wire: what a sink was given
// is the sender's again when it returns.
func cloneHeader(h *rtp.Header) (c rtp.Header) {
	b, err := h.Marshal()
	if err == nil {
		_, err = c.Unmarshal(b)
	}
	if err != nil {
		panic(err)
	}
	return c
}

func (s *sink) Flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unflushed = 0
	return nil
}

func (s *sink) WriteRTCP(pkts []rtcp.Packet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.panics {
		panic("sink")
	}
	s.reports = append(s.reports, pkts...)
	return nil
}

func (s *sink) set(change func(*sink)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// take returns what came since the last call.
func (s *sink) take() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.packets
	s.packets = nil
	return p
}

// camera writes pictures of frameParts packets, a keyframe whenever asked or due.
type camera struct {
	t         *testing.T
	publisher *broadcast.Publisher
	layer     *broadcast.Layer
	seq       uint16
	timestamp uint32
	frame     int
	keyEvery  int // pictures; 0: only when asked
	ignores   bool
	mu        sync.Mutex
	asked     int
	wanted    bool
}

func publish(t *testing.T, b *broadcast.Broadcaster, keyEvery int) *camera {
	t.Helper()
	return publishCodec(t, b, h264, keyEvery)
}

func publishCodec(t *testing.T, b *broadcast.Broadcaster, of codec.Codec, keyEvery int) *camera {
	t.Helper()
	return publishAs(t, b, "cam", of, keyEvery)
}

func publishAs(t *testing.T, b *broadcast.Broadcaster, name string, of codec.Codec, keyEvery int) *camera {
	t.Helper()
	p, err := b.Publish(name, broadcast.PublisherConfig{Source: "test", Kinds: []codec.Kind{codec.Video}})
	if err != nil {
		t.Fatal(err)
	}
	c := &camera{t: t, publisher: p, keyEvery: keyEvery, seq: 65000, timestamp: 1 << 31}
	c.layer, err = p.AddLayer(broadcast.LayerConfig{Codec: of, RequestKeyframe: c.request})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *camera) request() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	c.wanted = !c.ignores
}

func (c *camera) requests() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked
}

// picture writes one picture without waiting.
func (c *camera) picture() {
	c.t.Helper()
	c.mu.Lock()
	key := c.frame == 0 || c.wanted || c.keyEvery > 0 && c.frame%c.keyEvery == 0
	c.wanted = false
	c.mu.Unlock()
	for i := range frameParts {
		head := "\x41 slice"
		if key && i == 0 {
			head = "\x65 idr"
		}
		if c.layer.Codec().MimeType == vp8.MimeType {
			head = map[bool]string{true: "\x10\x00 key", false: "\x00\x01 rest"}[key && i == 0]
		}
		err := c.layer.WriteRTP(&rtp.Packet{
			Header:  rtp.Header{SequenceNumber: c.seq, Timestamp: c.timestamp, Marker: i == frameParts-1},
			Payload: []byte(head),
		})
		if err != nil {
			c.t.Fatalf("write: %v", err)
		}
		c.seq++
	}
	c.frame++
	c.timestamp += frameTicks
}

// run writes pictures at 30 a second for some time.
func (c *camera) run(d time.Duration) {
	c.t.Helper()
	for range int(d / frameTime) {
		c.picture()
		time.Sleep(frameTime)
	}
}

func watch(t *testing.T, b *broadcast.Broadcaster, change func(*broadcast.ViewerConfig)) (*broadcast.Viewer, *sink) {
	t.Helper()
	v, err := b.Join("cam")
	if err != nil {
		t.Fatal(err)
	}
	s := &sink{}
	cfg := broadcast.ViewerConfig{
		Sink: s, CNAME: "porthole",
		Video: &broadcast.TrackConfig{SSRC: videoSSRC, PayloadType: videoPayload},
		Audio: &broadcast.TrackConfig{SSRC: audioSSRC, PayloadType: 111},
	}
	if change != nil {
		change(&cfg)
	}
	if err := v.Start(cfg); err != nil {
		t.Fatal(err)
	}
	return v, s
}

// bubble runs a test in fake time, with a broadcaster that is closed at its end;
// synctest fails the test when a goroutine is left behind.
func bubble(t *testing.T, cfg broadcast.Config, test func(*testing.T, *broadcast.Broadcaster)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := broadcast.New(cfg)
		defer func() {
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		}()
		test(t, b)
	})
}

// checkContiguous fails when a track's sequence numbers have a hole or its time goes back.
func checkContiguous(t *testing.T, packets []received) {
	t.Helper()
	for i := 1; i < len(packets); i++ {
		a, b := packets[i-1], packets[i]
		if b.SequenceNumber != a.SequenceNumber+1 {
			t.Fatalf("packet %d: sequence number %d after %d", i, b.SequenceNumber, a.SequenceNumber)
		}
		if int32(b.Timestamp-a.Timestamp) < 0 {
			t.Fatalf("packet %d: timestamp %d after %d", i, b.Timestamp, a.Timestamp)
		}
	}
}

func isKey(p received) bool { return codec.IsKeyframe(h264, []byte(p.payload)) }

func wantEnd(t *testing.T, v interface {
	Done() <-chan struct{}
	Err() error
}, want error) {
	t.Helper()
	select {
	case <-v.Done():
		if !errors.Is(v.Err(), want) {
			t.Errorf("ended with %v, want %v", v.Err(), want)
		}
	default:
		t.Errorf("not ended, want %v", want)
	}
}
