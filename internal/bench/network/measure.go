package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"porthole/internal/netlab"
)

const (
	settle    = 3 * time.Second  // from the first picture to the time that is measured
	firstTime = 20 * time.Second // for the first picture; then what there is, is measured
	spareTime = 90 * time.Second // that a row may take beside what is measured
)

// measureRow makes the network of a row, and watches.
func measureRow(ctx context.Context, binary string, r row) (res result, err error) {
	var total int
	for _, p := range r.phases {
		total += p.seconds
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(total)*time.Second+spareTime)
	defer cancel()
	l, err := newLab(ctx, binary, r)
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	if r.obs {
		stop, err := l.publish(ctx)
		if err != nil {
			return result{}, err
		}
		defer stop()
	}
	if err := l.waitLive(ctx); err != nil {
		return result{}, err
	}
	if r.house {
		return l.watchHouse(ctx, r)
	}
	return l.watch(ctx, r)
}

// watch opens the page and measures.
func (l *lab) watch(ctx context.Context, r row) (result, error) {
	opened := time.Now()
	page, err := openPage(ctx, l.viewers, l.url("/watch/"+streamName))
	if err != nil {
		return result{}, err
	}
	defer page.close()
	res := result{Row: r.name}
	if err := page.shows(ctx, firstTime); ctx.Err() != nil {
		return result{}, err
	} else if err != nil {
		res.Faults = append(res.Faults, err.Error())
	}
	res.First = time.Since(opened).Seconds()
	if err := sleep(ctx, settle); err != nil {
		return result{}, err
	}

	before, err := l.read(ctx, page)
	if err != nil {
		return result{}, err
	}
	steps, err := l.passPhases(ctx, r)
	if err != nil {
		return result{}, err
	}
	after, err := l.read(ctx, page)
	if err != nil {
		return result{}, err
	}
	shown, err := page.shown()
	if err != nil {
		return result{}, fmt.Errorf("ask the page for what it has shown: %w", err)
	}
	res.add(before, after)
	res.addPictures(shown.Pictures, before.page.At, after.page.At, steps)
	res.addWords(shown, after.page.At)
	res.judge(r.targets)
	return res, nil
}

// passPhases lets the time of all phases pass, and returns the times at which the rate changed, in ms.
func (l *lab) passPhases(ctx context.Context, r row) (steps []float64, err error) {
	for i, p := range r.phases {
		if i > 0 {
			steps = append(steps, float64(time.Now().UnixMicro())/1000)
			if err := l.Throttle(l.viewers, p.bits, r.queue); err != nil {
				return nil, err
			}
		}
		if err := sleep(ctx, time.Duration(p.seconds)*time.Second); err != nil {
			return nil, err
		}
	}
	return steps, nil
}

// reading is what everybody says at one time.
type reading struct {
	page   sample
	server sent
	viewer json.RawMessage
	link   netlab.Traffic
	waited time.Duration // for processors; -1: not known
	at     time.Time
}

func (l *lab) read(ctx context.Context, page *watchPage) (r reading, err error) {
	if r.link, err = l.Traffic(l.viewers); err != nil {
		return r, err
	}
	if r.server, r.viewer, err = l.sent(ctx); err != nil {
		return r, fmt.Errorf("ask the server what it has sent: %w", err)
	}
	r.waited, r.at = waited(), time.Now()
	if r.page, err = page.sample(); err != nil {
		return r, fmt.Errorf("ask the page for its statistics: %w", err)
	}
	return r, nil
}

// add sets what follows from two readings.
func (r *result) add(a, b reading) {
	r.addSamples(a.page, b.page)
	s, link := b.server.since(a.server), b.link.Since(a.link)
	r.Sent, r.Resent, r.Skipped = s.Packets, s.Resent, s.Dropped
	r.LinkDropped, r.LinkRate = link.Dropped, float64(link.Bytes)*8/b.at.Sub(a.at).Seconds()
	r.Viewer = b.viewer
	r.Waited = -1
	if a.waited >= 0 {
		r.Waited = (b.waited - a.waited).Seconds() / b.at.Sub(a.at).Seconds()
	}
}

// waited is how long some program of this machine has waited for a processor since the start (PSI); -1: not known.
func waited() time.Duration {
	text, err := os.ReadFile("/proc/pressure/cpu")
	if err != nil {
		return -1
	}
	first, _, _ := strings.Cut(string(text), "\n")
	_, total, found := strings.Cut(first, "total=")
	micros, err := strconv.ParseInt(strings.TrimSpace(total), 10, 64)
	if !found || err != nil {
		return -1
	}
	return time.Duration(micros) * time.Microsecond
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
