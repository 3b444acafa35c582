package broadcast_test

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
)

// sealer is a sink that keeps what it was sent under each index, as SRTP counts them
// (RFC 3711 section 3.3.1). It refuses packets at random: some before they are sealed,
// some afterwards, as a broken path does.
type sealer struct {
	t      *testing.T
	random *rand.Rand
	newest map[uint32]uint64            // index, by SSRC
	sealed map[uint32]map[uint64]string // by SSRC and index
	again  int                          // packets that were sealed before
	path   *path
	mu     sync.Mutex
	flying []onPath
}

func (s *sealer) WriteRTP(h *rtp.Header, payload []byte) (int, error) {
	if s.random.IntN(50) == 0 {
		return 0, broadcast.ErrSinkFull
	}
	newest, started := s.newest[h.SSRC]
	if !started {
		newest = 1<<20 + uint64(h.SequenceNumber)
		s.sealed[h.SSRC] = map[uint64]string{}
	}
	index := uint64(int64(newest) + int64(int16(h.SequenceNumber-uint16(newest))))
	s.newest[h.SSRC] = max(newest, index)
	packet, err := h.Marshal()
	if err != nil {
		s.t.Error(err)
	}
	packet = append(packet, payload...)
	switch before, ok := s.sealed[h.SSRC][index]; {
	case !ok:
		s.sealed[h.SSRC][index] = string(packet)
	case before != string(packet):
		s.t.Errorf("two packets under index %d of %x:\n%x\n%x", index, h.SSRC, before, packet)
	default:
		s.again++
	}
	if s.random.IntN(50) == 0 {
		return 0, errors.New("the path is gone")
	}
	n := h.GetExtension(4)
	if at, ok := s.path.enter(len(packet), time.Now()); ok && len(n) == 2 {
		s.mu.Lock()
		s.flying = append(s.flying, onPath{at: at, number: binary.BigEndian.Uint16(n)})
		s.mu.Unlock()
	}
	return len(packet), nil
}

// tell reports what has arrived.
func (s *sealer) tell(v *broadcast.Viewer, recorder *twcc.Recorder) {
	n := 0
	s.mu.Lock()
	for n < len(s.flying) && !s.flying[n].at.After(time.Now()) {
		recorder.Record(1, s.flying[n].number, s.flying[n].at.UnixMicro())
		n++
	}
	s.flying = s.flying[n:]
	s.mu.Unlock()
	if n == 0 {
		return
	}
	for _, p := range recorder.BuildFeedbackPacket() {
		b, err := p.Marshal()
		if err != nil {
			s.t.Error(err)
		}
		v.HandleTransportFeedback(b[12:])
	}
}

func (*sealer) Flush() error                  { return nil }
func (*sealer) WriteRTCP([]rtcp.Packet) error { return nil }

// erratic is a publisher with two encodings that loses, repeats, reorders and pads.
type erratic struct {
	codec     codec.Codec
	random    *rand.Rand
	publisher *broadcast.Publisher
	layers    []*broadcast.Layer
	packets   [][]*rtp.Packet // of each layer, those that may come late or twice
	seq       []uint16
	picture   int
	cycle     int         // in the pattern of temporal layers, from the last keyframe on
	written   uint32      // so that no two payloads are the same
	key       atomic.Bool // a keyframe was asked for
}

func newErratic(t *testing.T, b *broadcast.Broadcaster, of codec.Codec, random *rand.Rand) *erratic {
	t.Helper()
	p, err := b.Publish("cam", broadcast.PublisherConfig{Kinds: []codec.Kind{codec.Video}, Key: "the same"})
	if err != nil {
		t.Fatal(err)
	}
	e := &erratic{codec: of, random: random, publisher: p, picture: random.IntN(1 << 15), packets: make([][]*rtp.Packet, 2)}
	for _, rid := range []string{"h", "l"} {
		l, err := p.AddLayer(broadcast.LayerConfig{Codec: of, RID: rid, PassedExtensionID: 1, RequestKeyframe: func() { e.key.Store(true) }})
		if err != nil {
			t.Fatal(err)
		}
		e.layers = append(e.layers, l)
		e.seq = append(e.seq, uint16(random.Uint32()))
	}
	return e
}

// step writes a picture of each encoding, or most of it.
func (e *erratic) step() {
	e.picture++
	key := e.key.Swap(false) || e.random.IntN(30) == 0
	if e.cycle++; key {
		e.cycle = 0
	}
	place := pattern[e.cycle%len(pattern)]
	for i, l := range e.layers {
		switch e.random.IntN(400) {
		case 0:
			e.seq[i] += uint16(e.random.IntN(2000)) // an encoder that begins anew
		case 1:
			for range e.random.IntN(40) { // probing for bandwidth
				_ = l.WriteRTP(e.make(i, nil))
			}
		}
		parts := 1 + e.random.IntN(3)
		for part := range parts {
			payload := []byte{0x80, 0xe0, 0x80 | byte(e.picture>>8), byte(e.picture), byte(e.picture), place.ID << 6, 1}
			if place.Sync {
				payload[5] |= 0x20
			}
			if part == 0 {
				payload[0] |= 0x10
				if key {
					payload[6] = 0
				}
			}
			if e.codec.MimeType == h264.MimeType {
				payload = []byte{0x41, 0x9a}
				if place.ID > 0 {
					payload[0] = 0x01 // nothing needs it
				}
				if part == 0 && key {
					payload[0] = 0x65
				}
			}
			e.written++
			payload = binary.BigEndian.AppendUint32(payload, e.written)
			p := e.make(i, append(payload, make([]byte, e.random.IntN(1100)>>(2*i))...))
			p.Marker = part == parts-1
			_ = p.SetExtension(1, []byte{byte(e.random.Uint32())})
			e.packets[i] = append(e.packets[i], p)
			if e.random.IntN(10) > 0 {
				_ = l.WriteRTP(p)
			}
		}
		if e.random.IntN(3) == 0 { // late, or once more
			_ = l.WriteRTP(e.packets[i][e.random.IntN(len(e.packets[i]))])
		}
		if n := len(e.packets[i]); n > 30 {
			e.packets[i] = e.packets[i][n-30:]
		}
		l.SenderReport(time.Now().Add(time.Duration(e.random.IntN(50))*time.Millisecond), uint32(e.picture*frameTicks))
	}
}

func (e *erratic) make(layer int, payload []byte) *rtp.Packet {
	e.seq[layer]++
	return &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: e.seq[layer], Timestamp: uint32(e.picture * frameTicks)}, Payload: payload}
}

// TestNothingIsSealedTwice lets everything happen that changes what a viewer is sent,
// and asks for much of it again, with and without RTX. No two packets may ever be under
// one index of one source: under AES-GCM that gives both away, and the key of the
// authentication too (RFC 7714 section 8.1).
func TestNothingIsSealedTwice(t *testing.T) {
	sprop := h264 // its sets are put in front of keyframes
	sprop.Fmtp += ";sprop-parameter-sets=Z0LgH4yNQA==,aM48gA=="
	for _, rtx := range []bool{false, true} {
		again, all := 0, broadcast.Counters{}
		for seed := range uint64(12) {
			synctest.Test(t, func(t *testing.T) {
				n, counters := sealAll(t, []codec.Codec{vp8, sprop}[seed%2], rand.New(rand.NewPCG(seed, 7)), rtx)
				again += n
				all.Probes += counters.Probes
				all.Drops[broadcast.DropThinned] += counters.Drops[broadcast.DropThinned]
			})
		}
		if rtx != (again == 0) {
			t.Errorf("rtx %v: %d packets were sent again under their own numbers", rtx, again)
		}
		if rtx && (all.Probes == 0 || all.Drops[broadcast.DropThinned] == 0) {
			t.Errorf("%d probes and %d packets left out: the test shows nothing of them", all.Probes, all.Drops[broadcast.DropThinned])
		}
	}
}

func sealAll(t *testing.T, of codec.Codec, random *rand.Rand, rtx bool) (again int, counters broadcast.Counters) {
	b := broadcast.New(broadcast.Config{Senders: 1})
	defer func() { _ = b.Close() }()
	e := newErratic(t, b, of, random)
	e.key.Store(true)
	e.step()
	s := &sealer{t: t, random: rand.New(rand.NewPCG(random.Uint64(), 1)), newest: map[uint32]uint64{}, sealed: map[uint32]map[uint64]string{}}
	var rate atomic.Int64
	rate.Store(1_000_000)
	s.path = newPath(0, 200*time.Millisecond, 20*time.Millisecond)
	s.path.rate = func(time.Duration) float64 { return float64(rate.Load()) }
	recorder := twcc.NewRecorder(1)
	v, err := b.Join("cam")
	if err != nil {
		t.Fatal(err)
	}
	video := &broadcast.TrackConfig{
		SSRC: videoSSRC, PayloadType: videoPayload, MID: "0", MIDExtensionID: 1, CaptureTimeExtensionID: 2, PassedExtensionID: 3,
		TransportCCExtensionID: 4, PlayoutDelayExtensionID: 5,
	}
	if rtx {
		video.RTXSSRC, video.RTXPayloadType = rtxSSRC, 103
	}
	if err = v.Start(broadcast.ViewerConfig{Sink: s, Video: video}); err != nil {
		t.Fatal(err)
	}
	for range 1600 {
		e.step()
		time.Sleep(time.Duration(random.IntN(int(2 * frameTime))))
		synctest.Wait()
		if random.IntN(2) == 0 {
			v.HandleRTCP([]rtcp.Packet{&rtcp.TransportLayerNack{MediaSSRC: videoSSRC, Nacks: []rtcp.NackPair{{
				PacketID: uint16(s.newest[videoSSRC]) - uint16(random.IntN(60)), LostPackets: rtcp.PacketBitmap(random.Uint32()),
			}}}})
		}
		if random.IntN(3) == 0 {
			synctest.Wait()
			s.tell(v, recorder)
		}
		switch random.IntN(300) {
		case 0, 1, 2, 3:
			v.Choose(broadcast.Choice{RID: []string{"h", "l", "", ""}[random.IntN(4)]})
		case 8, 9, 10, 11:
			rate.Store(int64(60_000 * math.Pow(50, random.Float64())))
		case 4:
			next := newErratic(t, b, of, random) // takes over
			next.written = e.written + 1<<20
			e = next
			e.key.Store(true)
		case 5:
			time.Sleep(time.Second) // everybody is late
		case 6:
			v.HandleRTCP([]rtcp.Packet{tmmbr(videoSSRC, random.Uint32N(100_000))})
		case 7:
			v.HandleRTCP([]rtcp.Packet{tmmbr(videoSSRC, 100_000_000)})
		}
		synctest.Wait()
	}
	if len(s.sealed[videoSSRC]) < 500 {
		t.Errorf("%d packets were sent: the test shows nothing", len(s.sealed[videoSSRC]))
	}
	counters = v.Stats().Counters
	v.Close(nil)
	return s.again, counters
}
