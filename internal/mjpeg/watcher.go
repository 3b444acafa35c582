package mjpeg

import "time"

// Watcher is somebody who watches a show. One goroutine uses it.
type Watcher struct {
	show *show
	rate float64
	pace pace
	last *Picture
}

// Poll returns a picture that is newer than the last one, by as much as the watcher's rate says: the newest there is, so who comes late
// misses some. There is none when it is nil; changed is closed when to ask again. The error is why no more come.
func (w *Watcher) Poll() (p *Picture, changed <-chan struct{}, err error) {
	w.show.mu.Lock()
	p, changed, err = w.show.newest, w.show.changed, w.show.err
	w.show.mu.Unlock()
	if err != nil || p == nil || p == w.last || !w.pace.keep(p.At) {
		return nil, changed, err
	}
	w.last = p
	return p, changed, nil
}

// Close ends watching. It is called once.
func (w *Watcher) Close() { w.show.hub.leave(w) }

// pace leaves pictures out that come faster than they are wanted.
type pace struct {
	interval time.Duration
	due      time.Time
}

func paceOf(rate float64) pace { return pace{interval: time.Duration(float64(time.Second) / rate)} }

// keep says whether a picture that was captured at a time is wanted.
func (p *pace) keep(at time.Time) bool {
	if at.Before(p.due.Add(-p.interval / 8)) {
		return false
	}
	p.due = after(p.due, at, p.interval)
	return true
}

// after is when the next picture is due, when one was due and was captured at a time: an interval later, so that the rate is right in the
// long run, unless that has passed.
func after(due, at time.Time, interval time.Duration) time.Time {
	if next := due.Add(interval); next.After(at) {
		return next
	}
	return at.Add(interval)
}
