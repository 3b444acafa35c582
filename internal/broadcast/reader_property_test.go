package broadcast_test

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtp"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
)

// unruly publishes VP8 as bad networks deliver it. Every packet has an index in its payload.
type unruly struct {
	t      *testing.T
	rng    *rand.Rand
	b      *broadcast.Broadcaster
	layer  *broadcast.Layer
	number uint16
	ts     uint32
	index  uint32
	held   []*rtp.Packet // what others overtake
	gone   map[uint32]bool
	asked  bool
}

// come takes the stream over from the publisher that is there.
func (u *unruly) come() {
	u.t.Helper()
	u.release()
	p, err := u.b.Publish("cam", broadcast.PublisherConfig{Source: "test", Kinds: []codec.Kind{codec.Video}, Key: "the same"})
	if err != nil {
		u.t.Fatal(err)
	}
	u.layer, err = p.AddLayer(broadcast.LayerConfig{Codec: vp8, RequestKeyframe: func() { u.asked = true }})
	if err != nil {
		u.t.Fatal(err)
	}
	u.number, u.ts, u.asked = uint16(u.rng.Uint32()), u.rng.Uint32(), true
}

func (u *unruly) write(p *rtp.Packet) {
	u.t.Helper()
	if err := u.layer.WriteRTP(p); err != nil {
		u.t.Fatal(err)
	}
}

func (u *unruly) release() {
	for _, p := range u.held {
		u.write(p)
	}
	u.held = nil
}

// picture sends one, of which some is lost, late, or followed by padding.
func (u *unruly) picture() {
	parts := 1 + u.rng.IntN(6)
	for i := range parts {
		payload := binary.BigEndian.AppendUint32([]byte{0, 1}, u.index) // an interframe, and what follows
		if i == 0 {
			payload[0] = 0x10
			if u.asked {
				payload[1] = 0
			}
		}
		p := &rtp.Packet{Header: rtp.Header{SequenceNumber: u.number, Timestamp: u.ts, Marker: i == parts-1}, Payload: payload}
		u.number++
		key := i == 0 && u.asked
		switch {
		case !key && u.rng.IntN(20) == 0:
			u.gone[u.index] = true
		case !key && u.rng.IntN(10) == 0:
			u.held = append(u.held, p)
		default:
			u.write(p)
		}
		u.index++
		if u.rng.IntN(4) == 0 {
			u.release()
		}
	}
	u.asked = false
	if u.rng.IntN(15) == 0 {
		u.write(&rtp.Packet{Header: rtp.Header{SequenceNumber: u.number, Timestamp: u.ts}})
		u.number++
	}
	u.ts += frameTicks
}

// run is what a reader got between two breaks.
type run struct {
	number       uint64
	first, last  uint32 // indices
	got          map[uint32]bool
	lost, lateIn uint64
}

// check holds the run against what was sent.
func (r *run) check(t *testing.T, u *unruly) {
	t.Helper()
	missing := uint64(0)
	for i := r.first; i <= r.last; i++ {
		if !r.got[i] {
			missing++
			if !u.gone[i] {
				t.Fatalf("packet %d of %d to %d was sent, and not read", i, r.first, r.last)
			}
		}
	}
	if r.lost-r.lateIn != missing {
		t.Fatalf("%d packets are told to be lost, and %d of them came late; %d are missing", r.lost, r.lateIn, missing)
	}
}

// add notes a packet and checks that it may come now.
func (r *run) add(t *testing.T, p broadcast.Packet) {
	t.Helper()
	index := binary.BigEndian.Uint32(p.Payload[2:])
	if r.got[index] {
		t.Fatalf("packet %d was read twice", index)
	}
	r.got[index] = true
	if p.Number-r.number != uint64(index-r.first) {
		t.Fatalf("packet %d has the number %d; %d had %d", index, p.Number, r.first, r.number)
	}
	if p.Late != (index < r.last) {
		t.Fatalf("packet %d after %d: late %v", index, r.last, p.Late)
	}
	r.last = max(r.last, index)
	r.lost += p.Lost
	if p.Late {
		r.lateIn++
	}
}

// Whatever is lost, late, padded, numbered anew or taken over: what a reader gets is what was sent, with the gaps told,
// and after every break it begins with a keyframe.
func TestReaderGetsWhatWasSent(t *testing.T) {
	for seed := range uint64(40) {
		bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
			u := &unruly{t: t, rng: rand.New(rand.NewPCG(seed, 9)), b: b, gone: map[uint32]bool{}}
			u.come()
			r, err := b.Read("cam", broadcast.ReaderConfig{})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			var runs []*run
			breaks := map[broadcast.Break]int{}
			read := func() {
				for p, ok := r.Poll(); ok; p, ok = r.Poll() {
					if p.Break != broadcast.NoBreak {
						breaks[p.Break]++
						if !p.Keyframe || !p.Start || p.Payload[1] != 0 {
							t.Fatalf("after the break %v: %+v", p.Break, p)
						}
						index := binary.BigEndian.Uint32(p.Payload[2:])
						runs = append(runs, &run{number: p.Number, first: index, last: index, got: map[uint32]bool{}})
					}
					runs[len(runs)-1].add(t, p)
				}
			}
			for range 600 {
				switch u.rng.IntN(100) {
				case 0:
					u.come()
				case 1:
					u.release()
					u.number += 5000
				case 2:
					u.release()
					u.layer.ChangeSource()
					u.ts = u.rng.Uint32()
				case 3:
					u.asked = true
				}
				u.picture()
				time.Sleep(frameTime)
				if u.rng.IntN(3) > 0 {
					continue
				}
				read()
			}
			u.release()
			read()
			for _, run := range runs {
				run.check(t, u)
			}
			if breaks[broadcast.BreakStart] != 1 || breaks[broadcast.BreakPublisher]+breaks[broadcast.BreakRenumbered] < 3 || breaks[broadcast.BreakOverrun] > 0 {
				t.Errorf("breaks %v: the test shows little", breaks)
			}
		})
	}
}
