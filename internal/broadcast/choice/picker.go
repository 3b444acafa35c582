// Package choice says which of several encodings of a picture a viewer is sent: its wish, else the
// best that fits what it allows and what it tells of losses. It is pure: no clock, no locks.
package choice

import (
	"slices"
	"time"
)

// When a viewer's encoding is chosen for it, what it tells of losses decides: the
// limits are those of the usual congestion control of WebRTC (below 2 % there may
// be room, above 10 % there is none), but what is lost for a moment is for
// retransmission, and an encoding is not changed for it.
const (
	lossy       = 0.10
	lossFree    = 0.02
	lossTime    = 3 * time.Second  // of loss, before a lower encoding is sent
	quietTime   = 10 * time.Second // without loss, before a higher one is tried
	maxQuiet    = 2 * time.Minute  // the same after failures, each of which doubles it
	trialTime   = 10 * time.Second // after which a higher encoding was no failure
	trialPeriod = time.Second      // of loss that ends a trial
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
	Active        bool   // something comes of it
	Rate          uint64 // bits per second; 0: not known yet
	Width, Height int    // 0: not known
}

// Picker chooses a viewer's encoding. It is pure: no clock, no locks.
type Picker struct {
	Choice Choice
	Limit  uint64 // bits per second that the viewer allows; 0: any number

	// What is sent is so many steps below the best that there is.
	steps, most int
	lossySince  int64 // since when every report told of loss; 0: the last one did not
	quietSince  int64 // since when no report did
	trialSince  int64 // when a higher encoding was tried; 0: there is no trial
	quiet       time.Duration
}

// Report takes the share of packets that were lost, 0 to 1, of a viewer's report.
func (p *Picker) Report(now int64, lost float64) {
	trial := p.trialSince != 0 && now-p.trialSince < int64(trialTime)
	switch {
	case lost >= lossy:
		p.quietSince = 0
		if p.lossySince == 0 {
			p.lossySince = now
		}
		p.suffer(now, trial)
	case lost < lossFree:
		p.lossySince = 0
		if p.quietSince == 0 {
			p.quietSince = now
		}
		p.recover(now, trial)
	default:
		p.lossySince, p.quietSince = 0, 0
	}
}

// suffer goes one step down after a time of loss.
func (p *Picker) suffer(now int64, trial bool) {
	patience := int64(lossTime)
	if trial {
		patience = int64(trialPeriod)
	}
	if now-p.lossySince < patience || p.steps >= p.most {
		return
	}
	p.steps++
	if p.quiet = max(p.quiet, quietTime); trial {
		p.quiet = min(2*p.quiet, maxQuiet)
	}
	p.trialSince, p.lossySince = 0, now
}

// recover tries one step up after a time without loss.
func (p *Picker) recover(now int64, trial bool) {
	if p.trialSince != 0 && !trial {
		p.trialSince, p.quiet = 0, quietTime // it was good
	}
	if p.steps > 0 && now-p.quietSince >= int64(max(p.quiet, quietTime)) {
		p.steps--
		p.trialSince, p.quietSince = now, now
	}
}

// Pick returns which of the candidates, at least one, is to be sent when current is
// being sent; -1 is none of them. need says how many bits per second it takes to
// send one.
func (p *Picker) Pick(candidates []Candidate, current int, need func(Candidate) uint64) int {
	var fitting [MaxLayers]int
	order := fitting[:0]
	for i, c := range candidates {
		if c.Active && len(order) < MaxLayers && p.fits(need(c), i == current) {
			order = append(order, i)
		}
	}
	if len(order) == 0 {
		p.most, p.steps = 0, 0
		return p.leastBad(candidates, current)
	}
	if i := slices.IndexFunc(order, func(i int) bool { return p.Choice.RID != "" && candidates[i].RID == p.Choice.RID }); i >= 0 {
		return order[i]
	}
	order = p.small(candidates, order)
	slices.SortStableFunc(order, func(a, b int) int { return compareRates(candidates[b].Rate, candidates[a].Rate) })
	p.most = len(order) - 1
	p.steps = min(p.steps, p.most)
	best := order[p.steps]
	if slices.Contains(order, current) && alike(candidates[current].Rate, candidates[best].Rate) {
		return current // not different enough to disturb the picture
	}
	return best
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

func compareRates(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
