package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// In the house there are so many viewers; of these, so many are Chromium.
const (
	household = 10
	browsers  = 2
)

// house is what viewers behind one bottleneck had, each before and after one of them stalled: the last one, which is not
// in After.
type house struct {
	Before []seen  `json:"before"`
	After  []seen  `json:"after"`
	Jain   float64 `json:"jain"`     // of the pictures a second, before
	Bits   float64 `json:"jainBits"` // of the bits a second, before
	Worst  float64 `json:"worst"`    // the longest pause of any before
	// Kept is what the others' pictures a second were after, of those before: the one who lost most.
	Kept       float64 `json:"kept"`
	WorstAfter float64 `json:"worstAfter"` // the longest pause of the others after
}

// watchHouse has all watch for a time, and then all but one, who hears nothing and says nothing.
func (l *lab) watchHouse(ctx context.Context, r row) (result, error) {
	var viewers []*viewer
	defer func() {
		for _, v := range viewers {
			v.close()
		}
	}()
	for range household - browsers {
		v, err := l.newViewer(ctx, l.viewers)
		if err != nil {
			return result{}, err
		}
		viewers = append(viewers, v)
	}
	var pages []*watchPage
	defer func() {
		for _, p := range pages {
			p.close()
		}
	}()
	opened := time.Now()
	for range browsers {
		p, err := openPage(ctx, l.viewers, l.url("/watch/"+streamName))
		if err != nil {
			return result{}, err
		}
		pages = append(pages, p)
	}
	res := result{Row: r.name, House: &house{}}
	for _, p := range pages {
		if err := p.shows(ctx, firstTime); ctx.Err() != nil {
			return result{}, err
		} else if err != nil {
			res.Faults = append(res.Words, err.Error())
		}
	}
	res.First = time.Since(opened).Seconds()
	waiting, cancel := context.WithTimeout(ctx, firstTime)
	defer cancel()
	for _, v := range viewers {
		if err := v.waitDecoding(waiting); ctx.Err() != nil {
			return result{}, err
		} else if err != nil {
			res.Faults = append(res.Faults, err.Error())
		}
	}
	if err := sleep(ctx, settle); err != nil {
		return result{}, err
	}
	err := l.compareHouse(ctx, r, pages, viewers, &res)
	return res, err
}

// compareHouse measures before and after the last viewer stalls.
func (l *lab) compareHouse(ctx context.Context, r row, pages []*watchPage, viewers []*viewer, res *result) error {
	begin, err := l.read(ctx, pages[0])
	if err != nil {
		return err
	}
	stalled := viewers[len(viewers)-1]
	before, err := l.see(ctx, r.phases[0], pages, viewers)
	if err != nil {
		return err
	}
	if err := l.viewers.DropPort(stalled.port()); err != nil {
		return err
	}
	after, err := l.see(ctx, r.phases[1], pages, viewers[:len(viewers)-1])
	if err != nil {
		return err
	}
	end, err := l.read(ctx, pages[0])
	if err != nil {
		return err
	}
	shown, err := pages[0].shown()
	if err != nil {
		return fmt.Errorf("ask the page for what it has shown: %w", err)
	}
	res.add(begin, end)
	res.addPictures(shown.Pictures, begin.page.At, end.page.At, nil)
	res.addWords(shown, end.page.At)
	res.House.compare(before, after)
	res.judge(r.targets)
	return nil
}

// see measures all for a phase: the pages first, then the others.
func (l *lab) see(ctx context.Context, p phase, pages []*watchPage, viewers []*viewer) (all []seen, err error) {
	begin := make([]sample, len(pages))
	for i, page := range pages {
		if begin[i], err = page.sample(); err != nil {
			return nil, fmt.Errorf("ask a page for its statistics: %w", err)
		}
	}
	marks := make([]marker, len(viewers))
	for i, v := range viewers {
		marks[i] = v.mark()
	}
	if err := sleep(ctx, time.Duration(p.seconds)*time.Second); err != nil {
		return nil, err
	}
	ends := make([]marker, len(viewers))
	for i, v := range viewers {
		ends[i] = v.mark()
	}
	for i, page := range pages {
		end, err := page.sample()
		if err != nil {
			return nil, fmt.Errorf("ask a page for its statistics: %w", err)
		}
		shown, err := page.shown()
		if err != nil {
			return nil, fmt.Errorf("ask a page for what it has shown: %w", err)
		}
		var r result
		r.addSamples(begin[i], end)
		r.addPictures(shown.Pictures, begin[i].At, end.At, nil)
		bits := float64(end.Video.BytesReceived-begin[i].Video.BytesReceived) * 8 / r.Seconds
		all = append(all, seen{r.Rate, bits, r.LongestPause})
	}
	for i, v := range viewers {
		all = append(all, v.seen(marks[i], ends[i]))
	}
	return all, nil
}

// compare sets what follows. after lacks the last one of before.
func (h *house) compare(before, after []seen) {
	h.Before, h.After = before, after
	var rates, bits []float64
	for _, s := range before {
		rates, bits = append(rates, s.Rate), append(bits, s.Bits)
		h.Worst = max(h.Worst, s.Pause)
	}
	h.Jain, h.Bits = jain(rates), jain(bits)
	var kept []float64
	for i, s := range after {
		if before[i].Rate > 0 {
			kept = append(kept, s.Rate/before[i].Rate)
		}
		h.WorstAfter = max(h.WorstAfter, s.Pause)
	}
	if len(kept) > 0 {
		h.Kept = slices.Min(kept)
	}
}

// jain is Jain's index of fairness: 1 when all have the same, 1/n when one has all.
func jain(values []float64) float64 {
	var sum, squares float64
	for _, v := range values {
		sum += v
		squares += v * v
	}
	if squares == 0 {
		return 0
	}
	return sum * sum / (float64(len(values)) * squares)
}

var (
	fair      = target{"Jain's index of pictures ≥ 0.9", func(r *result) bool { return r.House != nil && r.House.Jain >= 0.9 }}
	allMoving = target{"a moving picture for all ten", func(r *result) bool {
		return r.House != nil && r.House.Worst <= 1 && len(r.House.Before) == household
	}}
	costsNothing = target{"one that stalls costs the others nothing", func(r *result) bool {
		return r.House != nil && r.House.Kept >= 0.9 && r.House.WorstAfter <= 1
	}}
)
