// Package choice says which of several encodings of a picture a viewer is sent, and how many of
// its temporal layers: its wish, else the best that fits what it allows and what its path carries. It is pure: no
// clock, no locks.
package choice

import (
	"cmp"
	"math"
	"slices"
)

// MaxLayers is how many encodings of a track are looked at. WebRTC has three.
const MaxLayers = 8

// Choice is which encoding of the picture a viewer wants. The zero value leaves that
// to the server.
type Choice struct {
	// RID names the encoding. While there is none of that name, or nothing comes of
	// it, the server chooses.
	RID string
	// MaxWidth and MaxHeight bound the size that the server chooses, in pixels; 0
	// does not. Encodings whose size is not known are taken to fit.
	MaxWidth, MaxHeight int
}

// Candidate is an encoding that may be chosen.
type Candidate struct {
	RID           string
	Active        bool   // something comes of it, or would
	Rate          uint64 // bits per second; 0: not known yet
	Width, Height int    // 0: not known
	// Rung has the rates of its temporal layers, with headers.
	Rung Rung
}

// Picker chooses a viewer's encoding. It is pure: no clock, no locks.
type Picker struct {
	Choice  Choice
	Limit   uint64 // bits per second that the viewer allows; 0: any number
	chooser chooser
}

// Picked is what a Picker makes of the candidates.
type Picked struct {
	Index    int    // -1: none of them
	Temporal uint8  // the highest temporal layer that is to be sent
	Relief   uint8  // the same, of what is being sent, for as long as it goes on
	Fits     bool   // the path carries it
	Needs    uint64 // bits per second that it takes at least
	// Wanted is how many bits per second the next better choice takes; 0: there is none.
	Wanted uint64
}

// Sending is what a viewer is being sent, and what its path carries.
type Sending struct {
	Now      int64  // nanoseconds
	Current  int    // the candidate; -1: none
	Temporal uint8  // up to this temporal layer
	Budget   uint64 // bits per second for pictures
}

// Pick returns which of the candidates, at least one, is to be sent. need says how many bits per second it
// takes to send one, as the viewer counts for its limit.
func (p *Picker) Pick(candidates []Candidate, on Sending, need func(Candidate) uint64) Picked {
	var fitting [MaxLayers]int
	order := fitting[:0]
	for i, c := range candidates {
		if c.Active && len(order) < MaxLayers && p.fits(need(c), i == on.Current) {
			order = append(order, i)
		}
	}
	if len(order) == 0 {
		return Everything(p.leastBad(candidates, on.Current))
	}
	if i := slices.IndexFunc(order, func(i int) bool { return p.Choice.RID != "" && candidates[i].RID == p.Choice.RID }); i >= 0 {
		if named := p.among(candidates, order[i:i+1], on); named.Fits || len(order) == 1 {
			return named
		}
	}
	order = p.small(candidates, order)
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(candidates[b].Rate, candidates[a].Rate) })
	return p.among(candidates, order, on)
}

// Everything is one encoding with all its temporal layers, whatever it takes.
func Everything(index int) Picked {
	return Picked{Index: index, Temporal: AllTemporal, Relief: AllTemporal, Fits: true}
}

// AllTemporal is what leaves no temporal layer out.
const AllTemporal = math.MaxUint8

// among chooses by what the path carries, among what is in order, best first.
func (p *Picker) among(candidates []Candidate, order []int, on Sending) Picked {
	var of [MaxLayers]Rung
	rungs := of[:len(order)]
	for i, c := range order {
		rungs[i] = candidates[c].Rung
	}
	current := slices.Index(order, on.Current)
	chosen := p.chooser.choose(on.Now, rungs, current, on.Temporal, on.Budget)
	if current > chosen.rung && alike(candidates[on.Current].Rate, candidates[order[chosen.rung]].Rate) {
		// Not different enough to disturb the picture.
		chosen = p.chooser.choose(on.Now, rungs[current:current+1], 0, on.Temporal, on.Budget)
		chosen.rung = current
	}
	if len(order) > 1 {
		p.chooser.moved(on.Now, current, chosen.rung)
	}
	best := rungs[chosen.rung]
	got := Picked{Index: order[chosen.rung], Temporal: chosen.layer, Fits: chosen.fits, Needs: best.Rates[0]}
	if int(got.Temporal) >= best.Layers-1 {
		got.Temporal = AllTemporal
	}
	got.Relief = got.Temporal
	if on.Current >= 0 && on.Current != got.Index {
		now := &candidates[on.Current].Rung
		if got.Relief = now.relief(on.Budget); int(got.Relief) >= now.Layers-1 {
			got.Relief = AllTemporal
		}
	}
	switch {
	case !chosen.fits:
		got.Wanted = withRoom(best.Rates[0])
	case int(chosen.layer) < best.Layers-1:
		got.Wanted = withRoom(best.Rates[chosen.layer+1])
	case chosen.rung > 0:
		got.Wanted = withRoom(rungs[chosen.rung-1].least())
	}
	return got
}

// fits says whether the viewer allows so many bits per second. Rates go up and down:
// what is not being sent has to fit well, or the choice would follow them.
func (p *Picker) fits(need uint64, current bool) bool {
	if p.Limit == 0 || current {
		return p.Limit == 0 || need <= p.Limit
	}
	return need <= p.Limit/10*9
}

// leastBad is the choice when nothing fits: that of the lowest rate of which
// something comes, else what is being sent already.
func (p *Picker) leastBad(candidates []Candidate, current int) int {
	best := -1
	for i, c := range candidates {
		if c.Active && (best < 0 || c.Rate < candidates[best].Rate) {
			best = i
		}
	}
	if best < 0 {
		best = max(current, 0)
	}
	return best
}

// small leaves the candidates of the size that is wanted, or the smallest one.
func (p *Picker) small(candidates []Candidate, order []int) []int {
	if p.Choice.MaxWidth == 0 && p.Choice.MaxHeight == 0 {
		return order
	}
	smallest := slices.MinFunc(order, func(a, b int) int {
		return candidates[a].Width*candidates[a].Height - candidates[b].Width*candidates[b].Height
	})
	kept := order[:0]
	for _, i := range order {
		c := candidates[i]
		if (p.Choice.MaxWidth == 0 || c.Width <= p.Choice.MaxWidth) && (p.Choice.MaxHeight == 0 || c.Height <= p.Choice.MaxHeight) {
			kept = append(kept, i)
		}
	}
	if len(kept) == 0 {
		kept = append(kept, smallest)
	}
	return kept
}

// alike says whether two rates are so close that going from one to the other is
// not worth it.
func alike(a, b uint64) bool { return a*3 > b*2 && b*3 > a*2 || a == b }
