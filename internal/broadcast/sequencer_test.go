package broadcast

import "testing"

func TestSequencer(t *testing.T) {
	type packet struct {
		number  uint16
		padding bool
		jumped  bool
		want    int64 // relative to the first; -1: nothing for viewers
		order   order
	}
	for name, packets := range map[string][]packet{
		"wraps":                        {{65534, false, false, 0, next}, {65535, false, false, 1, next}, {0, false, false, 2, next}},
		"keeps holes":                  {{10, false, false, 0, next}, {12, false, false, 2, next}, {11, false, false, 1, late}},
		"takes padding out":            {{10, false, false, 0, next}, {11, true, false, -1, empty}, {12, false, false, 1, next}},
		"late packet before padding":   {{10, false, false, 0, next}, {12, true, false, -1, empty}, {11, false, false, 1, late}, {13, false, false, 2, next}},
		"padding that comes late":      {{10, false, false, 0, next}, {12, false, false, 2, next}, {11, true, false, -1, empty}, {13, false, false, 2, next}},
		"leading padding":              {{9, true, false, -1, empty}, {10, false, false, 0, next}},
		"a jump continues":             {{10, false, false, 0, next}, {30000, false, false, 1, renumbered}, {30001, false, false, 2, next}},
		"a time jump continues":        {{10, false, false, 0, next}, {11, false, true, 1, renumbered}, {12, false, false, 2, next}},
		"a jump after padding":         {{10, false, false, 0, next}, {11, true, false, -1, empty}, {30000, false, false, 1, renumbered}},
		"padding after a jump is none": {{10, false, false, 0, next}, {30000, true, false, -1, empty}, {11, false, false, 1, next}},
	} {
		t.Run(name, func(t *testing.T) {
			var s sequencer
			var base uint64
			for i, p := range packets {
				got, order := s.place(p.number, p.padding, p.jumped)
				if order != p.order {
					t.Fatalf("packet %d: order %d, want %d", i, order, p.order)
				}
				if order == empty {
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
