package broadcast_test

import (
	"encoding/binary"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
)

// truth is what a simulated picture says of itself in each packet, so that whoever gets it can tell whether it could be seen.
type truth struct {
	captured    int64  // when, in nanoseconds
	picture     uint32 // its number in its encoding, from 1
	needs       uint32 // the number of the one that it refers to; 0: it is a keyframe
	part, parts uint8
	rung        uint8 // 0 is the best one
	temporal    uint8
}

const (
	truthAt   = 16 // in a payload
	truthSize = 20
	leastPart = truthAt + truthSize
	mostPart  = 1160
)

func (u truth) put(b []byte) {
	binary.BigEndian.PutUint64(b, uint64(u.captured))
	binary.BigEndian.PutUint32(b[8:], u.picture)
	binary.BigEndian.PutUint32(b[12:], u.needs)
	copy(b[16:], []byte{u.part, u.parts, u.rung, u.temporal})
}

func readTruth(b []byte) truth {
	return truth{
		captured: int64(binary.BigEndian.Uint64(b)), picture: binary.BigEndian.Uint32(b[8:]), needs: binary.BigEndian.Uint32(b[12:]),
		part: b[16], parts: b[17], rung: b[18], temporal: b[19],
	}
}

// three temporal layers, T0 T2 T1 T2: how large their pictures are, beside the usual one.
var (
	pattern = [4]codec.Temporal{{}, {ID: 2, Sync: true}, {ID: 1, Sync: true}, {ID: 2}}
	weights = [4]float64{1.6, 0.7, 1, 0.7}
)

// simEncoder makes one encoding: pictures whose sizes differ, at a bit rate that it keeps to although keyframes are large.
type simEncoder struct {
	layer    *broadcast.Layer
	rung     uint8
	bitrate  float64
	keySize  float64 // bytes
	keyEvery int     // pictures
	layered  bool    // VP8 with three temporal layers; else H.264 with one
	deaf     bool    // sends no keyframe when asked
	size     [2]int

	forced    atomic.Bool
	asked     atomic.Int32
	rests     bool
	debt      float64 // bytes that keyframes took too much
	seq       uint16
	timestamp uint32
	picture   uint32
	cycle     int
	base, mid uint32 // numbers of the last pictures of T0 and T1
	tl0       uint8
	sinceKey  int
}

func (e *simEncoder) request() {
	e.asked.Add(1)
	e.forced.Store(!e.deaf)
}

// draw makes a picture, if somebody wants it.
func (e *simEncoder) draw(t *testing.T, now int64, random *rand.Rand) {
	e.timestamp += frameTicks
	if !e.layer.Wanted() {
		e.rests = true
		return
	}
	key := e.forced.Swap(false) || e.rests || e.picture == 0 || e.sinceKey >= e.keyEvery
	e.rests = false
	e.picture++
	e.sinceKey++
	if key {
		e.sinceKey, e.cycle = 0, 0
	}
	usual := e.bitrate / 8 / 30
	size, place, needs := usual, codec.Temporal{}, e.base
	if e.layered {
		size, place = usual*weights[e.cycle], pattern[e.cycle]
		if e.cycle == 3 {
			needs = e.mid
		}
		e.cycle = (e.cycle + 1) % len(pattern)
	}
	if key {
		needs = 0
		e.debt += e.keySize - size
		size = e.keySize
	} else {
		pays := min(e.debt, size*0.4)
		e.debt -= pays
		size -= pays
	}
	switch place.ID {
	case 0:
		e.base = e.picture
		e.tl0++
	case 1:
		e.mid = e.picture
	}
	size *= 0.8 + 0.4*random.Float64()
	e.write(t, truth{captured: now, picture: e.picture, needs: needs, rung: e.rung, temporal: place.ID}, place, int(size))
}

// write sends a picture as packets.
func (e *simEncoder) write(t *testing.T, u truth, place codec.Temporal, size int) {
	u.parts = uint8(max((size+mostPart-1)/mostPart, 1))
	each := max(size/int(u.parts), leastPart)
	for u.part = range u.parts {
		payload := make([]byte, each)
		if e.layered {
			e.describe(payload, u, place)
		} else {
			payload[0] = 0x41
			if u.needs == 0 {
				payload[0] = 0x65
			}
		}
		u.put(payload[truthAt:])
		err := e.layer.WriteRTP(&rtp.Packet{
			Header:  rtp.Header{SequenceNumber: e.seq, Timestamp: e.timestamp, Marker: u.part == u.parts-1},
			Payload: payload,
		})
		if err != nil {
			t.Fatal(err)
		}
		e.seq++
	}
}

// describe writes the descriptor of VP8 and the beginning of the picture (RFC 7741 sections 4.2 and 4.3).
func (e *simEncoder) describe(b []byte, u truth, place codec.Temporal) {
	copy(b, []byte{0x80, 0xe0, 0x80 | byte(u.picture>>8), byte(u.picture), e.tl0, place.ID << 6, 1})
	if place.Sync {
		b[5] |= 0x20
	}
	if u.part > 0 {
		return
	}
	b[0] |= 0x10
	if u.needs == 0 {
		copy(b[6:], []byte{0x10, 0, 0, 0x9d, 0x01, 0x2a, byte(e.size[0]), byte(e.size[0] >> 8), byte(e.size[1]), byte(e.size[1] >> 8)})
	}
}

// simSource is a publisher with sound, and with one encoding or a ladder.
type simSource struct {
	t        *testing.T
	random   *rand.Rand
	encoders []*simEncoder
	sound    *broadcast.Layer
	next     struct{ picture, sound time.Time }
	soundSeq uint16
}

// newSimSource publishes encodings of H.264 with one layer, or of VP8 with three temporal layers, lower ones on demand.
func newSimSource(t *testing.T, b *broadcast.Broadcaster, encoders ...*simEncoder) *simSource {
	t.Helper()
	rids := []string{"f", "h", "q"}[:len(encoders)]
	if len(encoders) == 1 {
		rids = []string{""}
	}
	p, err := b.Publish("cam", broadcast.PublisherConfig{Kinds: []codec.Kind{codec.Audio, codec.Video}, RIDs: rids})
	if err != nil {
		t.Fatal(err)
	}
	s := &simSource{t: t, encoders: encoders, random: rand.New(rand.NewPCG(1, 2))}
	s.next.picture, s.next.sound = time.Now(), time.Now()
	for i, e := range encoders {
		of := h264
		if e.layered {
			of = vp8
		}
		e.rung, e.seq = uint8(i), uint16(20_000*i+60_000)
		e.layer, err = p.AddLayer(broadcast.LayerConfig{
			Codec: of, RID: rids[i], RequestKeyframe: e.request, OnDemand: i > 0,
			Nominal: broadcast.Nominal{Width: e.size[0], Height: e.size[1], Bitrate: uint64(e.bitrate)},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if s.sound, err = p.AddLayer(broadcast.LayerConfig{Codec: opus}); err != nil {
		t.Fatal(err)
	}
	return s
}

// ladderOfThree is a camera of 720p with what is made of it on demand.
func ladderOfThree(t *testing.T, b *broadcast.Broadcaster) *simSource {
	t.Helper()
	of := func(width, height int, bitrate float64) *simEncoder {
		return &simEncoder{bitrate: bitrate, keySize: 6 * bitrate / 8 / 30, keyEvery: 120, layered: true, size: [2]int{width, height}}
	}
	return newSimSource(t, b, of(1280, 720, 2_500_000), of(640, 360, 700_000), of(320, 180, 200_000))
}

// oneEncoding is what a program for streaming sends: nothing to thin out, large keyframes every 2 s, and none when asked.
func oneEncoding(t *testing.T, b *broadcast.Broadcaster) *simSource {
	t.Helper()
	return newSimSource(t, b, &simEncoder{bitrate: 2_500_000, keySize: 80_000, keyEvery: 60, deaf: true, size: [2]int{1280, 720}})
}

// tick makes what is due.
func (s *simSource) tick(now time.Time) {
	for !now.Before(s.next.sound) {
		payload := make([]byte, 120)
		truth{captured: now.UnixNano()}.put(payload[truthAt:])
		if err := s.sound.WriteRTP(&rtp.Packet{Header: rtp.Header{SequenceNumber: s.soundSeq, Timestamp: uint32(s.soundSeq) * 960, Marker: true}, Payload: payload}); err != nil {
			s.t.Fatal(err)
		}
		s.soundSeq++
		s.next.sound = s.next.sound.Add(20 * time.Millisecond)
	}
	for !now.Before(s.next.picture) {
		for _, e := range s.encoders {
			e.draw(s.t, now.UnixNano(), s.random)
		}
		s.next.picture = s.next.picture.Add(frameTime)
	}
}
