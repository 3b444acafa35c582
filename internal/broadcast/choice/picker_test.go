package choice

import (
	"testing"
	"time"
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
		{"one step down", Picker{steps: 1}, three, 2, 1},
		{"more steps than there are", Picker{steps: 7}, three, 2, 0},
		{"by name", Picker{Choice: Choice{RID: "h"}}, three, 2, 1},
		{"by name, whatever is lost", Picker{Choice: Choice{RID: "f"}, steps: 2}, three, 0, 2},
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
			if got := tt.picker.Pick(tt.candidates, tt.current, func(c Candidate) uint64 { return c.Rate }); got != tt.want {
				t.Errorf("candidate %d, want %d", got, tt.want)
			}
		})
	}
}

// A story is what a viewer reports, once a second.
func TestPickerFollowsLosses(t *testing.T) {
	type span struct {
		seconds int
		lost    float64
		want    int // steps below the best, at its end
	}
	for _, tt := range []struct {
		name  string
		story []span
	}{
		{"nothing is lost", []span{{60, 0, 0}}},
		{"a moment", []span{{10, 0, 0}, {2, 0.5, 0}, {10, 0, 0}}},
		{"what retransmission repairs", []span{{60, 0.05, 0}}},
		{"loss comes and goes", []span{{2, 0.5, 0}, {1, 0.05, 0}, {2, 0.5, 0}, {1, 0.05, 0}, {2, 0.5, 0}}},
		{"sustained loss", []span{{4, 0.2, 1}, {3, 0.2, 2}, {60, 0.2, 2}}},
		{"recovery", []span{{4, 0.2, 1}, {9, 0, 1}, {2, 0, 0}, {60, 0, 0}}},
		{"not while it is only better", []span{{4, 0.2, 1}, {60, 0.05, 1}}},
		{"both steps up", []span{{7, 0.2, 2}, {11, 0, 1}, {10, 0, 0}}},
		{"a failed trial ends soon", []span{{4, 0.2, 1}, {11, 0, 0}, {2, 0.2, 1}}},
		{"the next trial comes later", []span{{4, 0.2, 1}, {11, 0, 0}, {2, 0.2, 1}, {19, 0, 1}, {2, 0, 0}}},
		{"and later", []span{{4, 0.2, 1}, {11, 0, 0}, {2, 0.2, 1}, {21, 0, 0}, {2, 0.2, 1}, {39, 0, 1}, {2, 0, 0}}},
		{"a good trial forgives", []span{{4, 0.2, 1}, {11, 0, 0}, {2, 0.2, 1}, {21, 0, 0}, {20, 0, 0}, {4, 0.2, 1}, {11, 0, 0}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := Picker{most: 2}
			now := int64(time.Hour)
			for i, s := range tt.story {
				for range s.seconds {
					p.Report(now, s.lost)
					now += int64(time.Second)
				}
				if p.steps != s.want {
					t.Fatalf("after part %d %v: %d steps down, want %d", i, s, p.steps, s.want)
				}
			}
		})
	}
}

// However often trials fail, the wait for the next one has an end.
func TestPickerKeepsTrying(t *testing.T) {
	p := Picker{most: 1}
	now, tried := int64(time.Hour), int64(0)
	for range 3600 {
		before := p.steps
		lost := 0.0
		if p.steps == 0 {
			lost = 0.3
		}
		p.Report(now, lost)
		if p.steps < before {
			tried = now
		}
		now += int64(time.Second)
	}
	if ago := time.Duration(now - tried); ago > maxQuiet+10*time.Second {
		t.Errorf("the last trial was %v ago", ago)
	}
}
