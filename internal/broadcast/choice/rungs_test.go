package choice

import (
	"testing"
	"time"
)

// ladder is a camera's: 720p, 360p, 180p, with three temporal layers each.
func ladder() []Rung {
	return []Rung{
		{Rates: [4]uint64{1_300_000, 1_900_000, 2_500_000}, Layers: 3, Smooth: 1},
		{Rates: [4]uint64{370_000, 530_000, 700_000}, Layers: 3, Smooth: 1},
		{Rates: [4]uint64{100_000, 150_000, 200_000}, Layers: 3, Smooth: 1},
	}
}

func TestChoice(t *testing.T) {
	for name, tt := range map[string]struct {
		rungs   []Rung
		current int
		layer   uint8
		budget  uint64
		want    step
	}{
		"all of it":                             {ladder(), 0, 2, 2_600_000, step{rung: 0, layer: 2, fits: true}},
		"what is being sent needs no room":      {ladder(), 0, 2, 2_500_000, step{rung: 0, layer: 2, fits: true}},
		"half of the pictures":                  {ladder(), 0, 2, 2_000_000, step{rung: 0, layer: 1, fits: true}},
		"a quarter of them is less than 360p":   {ladder(), 0, 2, 1_500_000, step{rung: 1, layer: 2, fits: true}},
		"the lowest":                            {ladder(), 0, 2, 400_000, step{rung: 2, layer: 2, fits: true}},
		"the lowest, thinned":                   {ladder(), 2, 2, 110_000, step{rung: 2, layer: 0, fits: true}},
		"less than the lowest":                  {ladder(), 2, 0, 50_000, step{rung: 2, layer: 0, fits: false}},
		"up needs room":                         {ladder(), 1, 2, 1_900_000, step{rung: 1, layer: 2, fits: true}},
		"up with room":                          {ladder(), 1, 2, 2_150_000, step{rung: 0, layer: 1, fits: true}},
		"a temporal layer more needs room":      {ladder(), 0, 1, 2_600_000, step{rung: 0, layer: 1, fits: true}},
		"a temporal layer more, with room":      {ladder(), 0, 1, 2_800_000, step{rung: 0, layer: 2, fits: true}},
		"one encoding without temporal layers":  {[]Rung{{Rates: [4]uint64{2_500_000}, Layers: 1}}, 0, 0, 900_000, step{}},
		"nothing is sent yet":                   {ladder(), -1, 0, 2_500_000, step{rung: 0, layer: 2, fits: true}},
		"two encodings without temporal layers": {[]Rung{{Rates: [4]uint64{2_500_000}, Layers: 1}, {Rates: [4]uint64{500_000}, Layers: 1}}, 0, 0, 900_000, step{rung: 1, fits: true}},
	} {
		t.Run(name, func(t *testing.T) {
			var c chooser
			if got := c.choose(1, tt.rungs, tt.current, tt.layer, tt.budget); got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
		})
	}
}

// TestFailuresMakePatient holds that a path that never carries the better encoding is tried less and less often.
func TestFailuresMakePatient(t *testing.T) {
	var c chooser
	now, rung, changes := int64(time.Second), 0, 0
	for range 600 { // a minute, in which the better encoding always seems to fit until it is sent
		budget := uint64(3_000_000)
		if rung == 0 {
			budget = 1_000_000
		}
		got := c.choose(now, ladder(), rung, 2, budget).rung
		c.moved(now, rung, got)
		if got != rung {
			rung = got
			changes++
		}
		now += int64(100 * time.Millisecond)
	}
	if changes > 10 {
		t.Errorf("%d changes in a minute", changes)
	}
}

// TestUpAgainSoon holds that one time of trouble does not cost the better picture for long.
func TestUpAgainSoon(t *testing.T) {
	var c chooser
	now := int64(time.Second)
	if got := c.choose(now, ladder(), 0, 2, 800_000).rung; got != 1 {
		t.Fatalf("rung %d", got)
	}
	c.moved(now, 0, 1)
	now += int64(1900 * time.Millisecond)
	if got := c.choose(now, ladder(), 1, 2, 4_000_000).rung; got != 1 {
		t.Errorf("up again at once: rung %d", got)
	}
	now += int64(200 * time.Millisecond)
	if got := c.choose(now, ladder(), 1, 2, 4_000_000).rung; got != 0 {
		t.Errorf("after 2.1 s: rung %d", got)
	}
}
