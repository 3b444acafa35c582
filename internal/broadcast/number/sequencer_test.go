package number

import (
	"math/rand/v2"
	"testing"
)

func TestSequencer(t *testing.T) {
	type packet struct {
		number  uint16
		padding bool
		jumped  bool
		want    int64 // relative to the first; -1: nothing for viewers
		order   Order
	}
	for name, packets := range map[string][]packet{
		"wraps":                        {{65534, false, false, 0, Next}, {65535, false, false, 1, Next}, {0, false, false, 2, Next}},
		"keeps holes":                  {{10, false, false, 0, Next}, {12, false, false, 2, Next}, {11, false, false, 1, Late}},
		"takes padding out":            {{10, false, false, 0, Next}, {11, true, false, -1, Empty}, {12, false, false, 1, Next}},
		"late packet before padding":   {{10, false, false, 0, Next}, {12, true, false, -1, Empty}, {11, false, false, 1, Late}, {13, false, false, 2, Next}},
		"late padding stays a hole":    {{10, false, false, 0, Next}, {12, false, false, 2, Next}, {11, true, false, -1, Empty}, {13, false, false, 3, Next}},
		"what came before is dropped":  {{10, false, false, 0, Next}, {11, false, false, 1, Next}, {10, false, false, -1, Empty}, {11, false, false, -1, Empty}, {12, false, false, 2, Next}},
		"a number of padding is taken": {{10, false, false, 0, Next}, {11, true, false, -1, Empty}, {11, false, false, -1, Empty}, {12, false, false, 1, Next}},
		"leading padding":              {{9, true, false, -1, Empty}, {10, false, false, 0, Next}},
		"a jump continues":             {{10, false, false, 0, Next}, {30000, false, false, 1, Renumbered}, {30001, false, false, 2, Next}},
		"a time jump continues":        {{10, false, false, 0, Next}, {11, false, true, 1, Renumbered}, {12, false, false, 2, Next}},
		"a jump after padding":         {{10, false, false, 0, Next}, {11, true, false, -1, Empty}, {30000, false, false, 1, Renumbered}},
		"padding after a jump is none": {{10, false, false, 0, Next}, {30000, true, false, -1, Empty}, {11, false, false, 1, Next}},
	} {
		t.Run(name, func(t *testing.T) {
			var s Sequencer
			var base uint64
			for i, p := range packets {
				got, order := s.Place(p.number, p.padding, p.jumped)
				if order != p.order {
					t.Fatalf("packet %d: order %d, want %d", i, order, p.order)
				}
				if order == Empty {
					continue
				}
				if base == 0 {
					base = got
				}
				if int64(got-base) != p.want {
					t.Errorf("packet %d: %d, want %d", i, int64(got-base), p.want)
				}
			}
		})
	}
}

// TestSequencerNeverRepeatsItself sends numbers in any order, some of them twice, as
// media and as padding in bursts of any length. In one numbering no number may be
// given twice, and the order of the publisher's numbers has to be that of ours.
func TestSequencerNeverRepeatsItself(t *testing.T) {
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 1))
		var s Sequencer
		given := map[uint32]map[uint64]uint16{}
		ours := map[[2]uint64]bool{} // inserted numbers, by epoch
		reach := 1 + random.IntN(MaxReorder/2)
		isPadding := map[uint16]bool{}
		at := uint16(random.Uint32())
		for range 3000 {
			number := at - uint16(random.IntN(reach))
			if random.IntN(2) == 0 {
				at++
				number = at
			}
			if random.IntN(2000) == 0 {
				at += uint16(random.Uint32())
				clear(isPadding)
			}
			if random.IntN(20) == 0 {
				for range random.IntN(100) { // a burst of probing
					at++
					isPadding[at] = true
				}
			}
			seq, order := s.Place(number, isPadding[number], random.IntN(1000) == 0)
			if order == Empty {
				continue
			}
			if order != Late && random.IntN(10) == 0 { // a keyframe that lacks parameter sets
				count, before := 1+random.Uint64N(3), uint64(0)
				if random.IntN(2) == 0 { // or a picture whose beginning is missing
					before = s.Missing
					s.InsertBeforeHole(count)
				} else {
					s.Insert(count)
				}
				for range count {
					if ours[[2]uint64{uint64(s.Epoch), seq - before}] {
						t.Fatalf("seed %d: %d was inserted twice", seed, seq-before)
					}
					ours[[2]uint64{uint64(s.Epoch), seq - before}] = true
					seq++
				}
			}
			if ours[[2]uint64{uint64(s.Epoch), seq}] {
				t.Fatalf("seed %d: the publisher's %d became %d, which was inserted", seed, number, seq)
			}
			numbers := given[s.Epoch]
			if numbers == nil {
				numbers = map[uint64]uint16{}
				given[s.Epoch] = numbers
			}
			if before, again := numbers[seq]; again {
				t.Fatalf("seed %d: the publisher's %d and %d both became %d", seed, before, number, seq)
			}
			for other, before := range numbers {
				if (int16(number-before) > 0) != (seq > other) {
					t.Fatalf("seed %d: the publisher's %d and %d became %d and %d", seed, before, number, other, seq)
				}
			}
			numbers[seq] = number
			for other, before := range numbers {
				if d := number - before; int16(d) > 5000 {
					delete(numbers, other)
				}
			}
		}
	}
}
