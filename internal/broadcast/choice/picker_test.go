package choice

import (
	"math"
	"testing"
)

func TestPickerChooses(t *testing.T) {
	three := []Candidate{
		{RID: "q", Active: true, Rate: 150_000, Width: 320, Height: 180},
		{RID: "h", Active: true, Rate: 600_000, Width: 640, Height: 360},
		{RID: "f", Active: true, Rate: 2_000_000, Width: 1280, Height: 720},
	}
	with := func(change func(c []Candidate)) []Candidate {
		c := append([]Candidate(nil), three...)
		change(c)
		return c
	}
	tests := []struct {
		name       string
		picker     Picker
		candidates []Candidate
		current    int
		want       int
	}{
		{"the best", Picker{}, three, -1, 2},
		{"the best, from another", Picker{}, three, 0, 2},
		{"by name", Picker{Choice: Choice{RID: "h"}}, three, 2, 1},
		{"a name that there is not", Picker{Choice: Choice{RID: "x"}}, three, 0, 2},
		{"a name of which nothing comes", Picker{Choice: Choice{RID: "f"}}, with(func(c []Candidate) { c[2].Active = false }), 2, 1},
		{"nothing comes of the best", Picker{}, with(func(c []Candidate) { c[2].Active = false }), 2, 1},
		{"nothing comes at all", Picker{}, with(func(c []Candidate) { c[0].Active, c[1].Active, c[2].Active = false, false, false }), 1, 1},
		{"nothing came yet", Picker{}, with(func(c []Candidate) { c[0].Active, c[1].Active, c[2].Active = false, false, false }), -1, 0},
		{"not much better", Picker{}, with(func(c []Candidate) { c[1].Rate = 1_500_000 }), 1, 1},
		{"no rate known yet", Picker{}, with(func(c []Candidate) { c[0].Rate, c[1].Rate, c[2].Rate = 0, 0, 0 }), 1, 1},
		{"not so wide", Picker{Choice: Choice{MaxWidth: 800}}, three, 2, 1},
		{"not so high", Picker{Choice: Choice{MaxHeight: 180}}, three, 2, 0},
		{"smaller than there is", Picker{Choice: Choice{MaxHeight: 100}}, three, 2, 0},
		{"size not known", Picker{Choice: Choice{MaxHeight: 400}}, with(func(c []Candidate) { c[2].Width, c[2].Height = 0, 0 }), 0, 2},
		{"within a limit", Picker{Limit: 1_000_000}, three, 2, 1},
		{"within a limit, whatever was named", Picker{Limit: 1_000_000, Choice: Choice{RID: "f"}}, three, 2, 1},
		{"at the limit stays", Picker{Limit: 600_000}, three, 1, 1},
		{"at the limit is not gone to", Picker{Limit: 600_000}, three, 2, 0},
		{"a limit below all", Picker{Limit: 1000}, three, 2, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.picker.Pick(ranked(tt.candidates), Sending{Now: 1, Current: tt.current, Temporal: AllTemporal, Budget: math.MaxInt64}, asTold)
			if got.Index != tt.want {
				t.Errorf("candidate %d, want %d", got.Index, tt.want)
			}
		})
	}
}

func asTold(c Candidate) uint64 { return c.Rate }

// ranked gives each candidate the rung of an encoding without temporal layers.
func ranked(candidates []Candidate) []Candidate {
	for i := range candidates {
		candidates[i].Rung = Rung{Rates: [MaxTemporal]uint64{candidates[i].Rate}, Layers: 1}
	}
	return candidates
}

// What the path carries decides, and what would be better says what to probe for.
func TestPickerKeepsToTheBudget(t *testing.T) {
	three := []Candidate{
		{RID: "q", Active: true, Rate: 200_000, Rung: Rung{Rates: [4]uint64{100_000, 150_000, 200_000}, Layers: 3, Smooth: 1}},
		{RID: "h", Active: true, Rate: 700_000, Rung: Rung{Rates: [4]uint64{350_000, 520_000, 700_000}, Layers: 3, Smooth: 1}},
		{RID: "f", Active: true, Rate: 2_500_000, Rung: Rung{Rates: [4]uint64{1_200_000, 1_900_000, 2_500_000}, Layers: 3, Smooth: 1}},
	}
	for _, tt := range []struct {
		name    string
		choice  Choice
		current int
		budget  uint64
		want    Picked
	}{
		{"all", Choice{}, 2, 5_000_000, Picked{Index: 2, Temporal: AllTemporal, Relief: AllTemporal, Fits: true, Needs: 1_200_000}},
		{"fewer pictures", Choice{}, 2, 2_000_000, Picked{Index: 2, Temporal: 1, Relief: 1, Fits: true, Needs: 1_200_000, Wanted: withRoom(2_500_000)}},
		{"a lower one, and less of what goes on until it comes", Choice{}, 2, 1_300_000,
			Picked{Index: 1, Temporal: AllTemporal, Relief: 0, Fits: true, Needs: 350_000, Wanted: withRoom(1_900_000)}},
		{"less than the lowest", Choice{}, 0, 60_000, Picked{Index: 0, Temporal: 0, Relief: 0, Needs: 100_000, Wanted: withRoom(100_000)}},
		{"what was named, if the path carries it", Choice{RID: "h"}, 2, 5_000_000,
			Picked{Index: 1, Temporal: AllTemporal, Relief: AllTemporal, Fits: true, Needs: 350_000}},
		{"what was named is too much", Choice{RID: "f"}, 2, 400_000, Picked{Index: 0, Temporal: AllTemporal, Relief: 0, Fits: true, Needs: 100_000, Wanted: withRoom(520_000)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := Picker{Choice: tt.choice}
			got := p.Pick(three, Sending{Now: 1, Current: tt.current, Temporal: AllTemporal, Budget: tt.budget}, asTold)
			if got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
		})
	}
}

// An encoding that is hardly better is not changed to, and to have thought of it is not to have tried it: when the path gets narrow
// later, that is no failure.
func TestWhatIsNotTriedDoesNotFail(t *testing.T) {
	alike := ranked([]Candidate{{RID: "l", Active: true, Rate: 300_000}, {RID: "h", Active: true, Rate: 1_000_000}, {RID: "f", Active: true, Rate: 1_400_000}})
	p := Picker{chooser: chooser{hold: hold}} // it has gone down before
	now, current := int64(1), 1
	pick := func(budget uint64) int {
		now += 500_000_000
		return p.Pick(alike, Sending{Now: now, Current: current, Temporal: AllTemporal, Budget: budget}, asTold).Index
	}
	for range 20 {
		if got := pick(5_000_000); got != 1 {
			t.Fatalf("candidate %d, want the one that is alike and there", got)
		}
	}
	if current = pick(500_000); current != 0 {
		t.Fatalf("candidate %d on a narrow path, want the lowest", current)
	}
	if p.chooser.hold != hold {
		t.Errorf("the lower one is kept for %v, want %v", p.chooser.hold, hold)
	}
}
