package thinning_test

import (
	"math/rand/v2"
	"testing"

	"porthole/internal/broadcast/thinning"
)

// sent is a packet that a viewer would get.
type sent struct {
	in, out  uint64
	picture  int
	pictures uint16
}

// packet is one of a stream of three temporal layers: T0 T2 T1 T2.
type packet struct {
	seq       uint64
	timestamp uint32
	layer     thinning.Layer
	picture   int
}

var pattern = [4]uint8{0, 2, 1, 2}

// stream makes pictures of one to four packets.
func stream(r *rand.Rand, pictures int) (packets []packet) {
	seq := uint64(1000)
	for i := range pictures {
		layer := thinning.Layer{ID: pattern[i%4], Sync: true, Keyframe: i == 0}
		for range 1 + r.IntN(4) {
			packets = append(packets, packet{seq: seq, timestamp: uint32(i) * 3000, layer: layer, picture: i})
			seq++
		}
	}
	return packets
}

func thin(t *thinning.Thinner, packets []packet, before func(i int)) (out []sent) {
	for i, p := range packets {
		if before != nil {
			before(i)
		}
		if !t.Keep(p.seq, p.timestamp, p.layer) {
			continue
		}
		left, ok := t.Before(p.seq)
		if !ok {
			continue
		}
		out = append(out, sent{in: p.seq, out: p.seq - left.Packets, picture: p.picture, pictures: left.Pictures})
	}
	return out
}

// TestNumbersStayGapless holds that whatever layers are wanted, and however that changes, a viewer's
// numbers and picture ids follow each other.
func TestNumbersStayGapless(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		packets := stream(r, 300)
		var th thinning.Thinner
		th.Want(2)
		th.Restart()
		out := thin(&th, packets, func(int) {
			if r.IntN(20) == 0 {
				th.Want(uint8(r.IntN(3)))
			}
		})
		for i := 1; i < len(out); i++ {
			if out[i].out != out[i-1].out+1 {
				t.Fatalf("seed %d: packet %d follows %d", seed, out[i].out, out[i-1].out)
			}
			a, b := uint16(out[i-1].picture)-out[i-1].pictures, uint16(out[i].picture)-out[i].pictures
			if d := b - a; d > 1 || (d == 0) != (out[i].picture == out[i-1].picture) {
				t.Fatalf("seed %d: picture id %d follows %d", seed, b, a)
			}
		}
	}
}

// TestOnlyWhatIsWanted holds that layers above the wanted one are left out from the next picture on,
// and that whole pictures are.
func TestOnlyWhatIsWanted(t *testing.T) {
	for want, share := range map[uint8]int{0: 4, 1: 2, 2: 1} {
		packets := stream(rand.New(rand.NewPCG(1, 2)), 400)
		var th thinning.Thinner
		th.Want(want)
		th.Restart()
		pictures := map[int]bool{}
		for _, s := range thin(&th, packets, nil) {
			pictures[s.picture] = true
			if pattern[s.picture%4] > want {
				t.Fatalf("want %d: a picture of layer %d was sent", want, pattern[s.picture%4])
			}
		}
		if len(pictures) != 400/share {
			t.Errorf("want %d: %d pictures of 400, want %d", want, len(pictures), 400/share)
		}
	}
}

// TestTakenUpWhereItDecodes holds that a layer comes back only with a picture that needs nothing of it.
func TestTakenUpWhereItDecodes(t *testing.T) {
	var th thinning.Thinner
	th.Want(0)
	seq := uint64(0)
	keep := func(id uint8, sync bool) bool {
		seq++
		return th.Keep(seq, uint32(seq)*3000, thinning.Layer{ID: id, Sync: sync})
	}
	th.Want(2)
	for i, step := range []struct {
		id         uint8
		sync, want bool
	}{
		{0, false, true},
		{2, true, false}, // layer 1 is missing yet
		{1, false, false},
		{2, false, false},
		{0, false, true},
		{1, true, true},
		{2, false, false},
		{1, false, true},
		{2, true, true},
		{2, false, true},
	} {
		if got := keep(step.id, step.sync); got != step.want {
			t.Errorf("step %d: kept %v", i, got)
		}
	}
}

// TestLatePacketsKeepTheirPlace holds that packets that come late get the number that was left for them, never
// one that another has, and that those of left-out pictures are left out.
func TestLatePacketsKeepTheirPlace(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 3))
		packets := stream(r, 200)
		for range 60 { // late by a few packets
			i := 1 + r.IntN(len(packets)-8)
			p := packets[i]
			by := 1 + r.IntN(6)
			copy(packets[i:], packets[i+1:i+by+1])
			packets[i+by] = p
		}
		var th thinning.Thinner
		th.Want(uint8(seed % 3))
		th.Restart()
		given := map[uint64]uint64{}
		for _, s := range thin(&th, packets, nil) {
			if other, taken := given[s.out]; taken {
				t.Fatalf("seed %d: %d and %d are both sent as %d", seed, other, s.in, s.out)
			}
			given[s.out] = s.in
			if pattern[s.picture%4] > uint8(seed%3) {
				t.Fatalf("seed %d: a picture of layer %d was sent", seed, pattern[s.picture%4])
			}
		}
	}
}

// TestLossStaysAHole holds that what was lost of a picture that is sent is missing, and what was lost
// within one that is left out is not.
func TestLossStaysAHole(t *testing.T) {
	var th thinning.Thinner
	th.Want(0)
	th.Restart()
	base, upper := thinning.Layer{}, thinning.Layer{ID: 1, Sync: true}
	lost := []packet{
		{1, 0, base, 0}, {3, 0, base, 0}, // 2 is lost
		{4, 3000, upper, 1}, {6, 3000, upper, 1}, // 5 is lost
		{7, 6000, base, 2},
	}
	out := thin(&th, lost, nil)
	want := []uint64{1, 3, 4}
	if len(out) != len(want) {
		t.Fatalf("%d packets sent, want %d", len(out), len(want))
	}
	for i := range out {
		if out[i].out != want[i] {
			t.Errorf("packet %d is sent as %d, want %d", out[i].in, out[i].out, want[i])
		}
	}
}

// TestThinningAllocatesNothing holds that it may run for each packet of each viewer.
func TestThinningAllocatesNothing(t *testing.T) {
	var th thinning.Thinner
	seq := uint64(0)
	if n := testing.AllocsPerRun(1000, func() {
		seq++
		th.Keep(seq, uint32(seq), thinning.Layer{ID: uint8(seq % 3)})
		th.Before(seq)
	}); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}

func BenchmarkKeep(b *testing.B) {
	var th thinning.Thinner
	th.Want(1)
	seq := uint64(0)
	for b.Loop() {
		seq++
		if th.Keep(seq, uint32(seq/4)*3000, thinning.Layer{ID: pattern[seq/4%4], Sync: true}) {
			th.Before(seq)
		}
	}
}
