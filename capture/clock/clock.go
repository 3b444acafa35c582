// Package clock maps the times at which pictures and sound came to the times at which they were captured, and those to RTP
// timestamps; and measures how many pictures a second come. It is arithmetic: but for Wait, nothing in it waits.
package clock

import (
	"context"
	"time"
)

// RTP maps capture times to RTP timestamps (RFC 3550 §5.1). It counts on the monotonic reading of the times,
// so that a wall clock that is set does not move the stream.
type RTP struct {
	Epoch time.Time
	Base  uint32 // the timestamp at epoch; random, RFC 3550 §5.1
	Rate  int64  // ticks a second
}

// At is the RTP timestamp of a capture time.
func (c RTP) At(t time.Time) uint32 {
	d := t.Sub(c.Epoch)
	whole, rest := int64(d/time.Second), int64(d%time.Second)
	// In two steps: nanoseconds times 90000 overflows after 28 hours.
	return c.Base + uint32(whole*c.Rate+rest*c.Rate/int64(time.Second))
}

// RateOffBy is the factor by which a rate differs from another so much that it matters.
const RateOffBy = 1.2

// RateMeter measures how many pictures a second really come, over windows of its length, and tells when that is not
// what it was. A single slow window is a busy machine, two are a camera that has changed; only the first
// window counts alone, because a camera that never was as fast as asked should not take longer to find out.
type RateMeter struct {
	Window time.Duration
	start  time.Time // of the running window
	frames int       // since start, the one at start not counted

	settled bool    // a window has agreed with the rate in use
	suspect float64 // what the window before this one measured, when it was off
}

// Observe counts one picture. It reports true, and the rate measured, when rate is off by the factor rateOffBy.
func (m *RateMeter) Observe(at time.Time, rate float64) (fps float64, changed bool) {
	if m.start.IsZero() {
		m.start = at
		return 0, false
	}
	m.frames++
	elapsed := at.Sub(m.start)
	if elapsed < m.Window {
		return 0, false
	}
	fps = float64(m.frames) / elapsed.Seconds()
	m.start, m.frames = at, 0
	direction := offBy(fps, rate)
	confirmed := !m.settled || m.suspect != 0 && offBy(m.suspect, rate) == direction
	m.settled = true
	if direction != 0 && !confirmed {
		m.suspect = fps
		return 0, false
	}
	m.suspect = 0
	return fps, direction != 0
}

// offBy says whether fps is too far below (-1) or above (1) rate.
func offBy(fps, rate float64) int {
	switch {
	case fps < rate/RateOffBy:
		return -1
	case fps > rate*RateOffBy:
		return 1
	}
	return 0
}

// Smoother turns the times at which pictures arrived into even capture times. A camera exposes like clockwork, while
// its pictures arrive late by what USB and JPEG decoding took, each by another amount; a player would show that as jerks.
// It follows the camera's own rate, and gives up at once where the camera really paused.
type Smoother struct {
	last   time.Time     // what was returned last
	lastAt time.Time     // when that picture arrived
	period time.Duration // between pictures, learned
}

// Next returns the capture time of a picture that arrived at the given time; always later than the one before.
func (s *Smoother) Next(arrived time.Time) time.Time {
	if s.last.IsZero() {
		s.last, s.lastAt = arrived, arrived
		return arrived
	}
	gap := arrived.Sub(s.lastAt)
	s.lastAt = arrived
	if s.period == 0 {
		s.period = gap
	}
	expected := s.last.Add(s.period)
	late := arrived.Sub(expected)
	if late.Abs() > s.period/2 {
		s.period += (gap - s.period) / 4
		expected = arrived
	} else {
		s.period += (gap - s.period) / 16
		expected = expected.Add(late / 8)
	}
	s.last = maxTime(expected, s.last.Add(time.Millisecond))
	return s.last
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Thinner leaves out pictures of a camera that is faster than asked. The zero thinner keeps every picture.
type Thinner struct {
	Interval time.Duration
	due      time.Time
}

// Keep says whether to keep a picture that was captured at this time.
func (t *Thinner) Keep(at time.Time) bool {
	if t.Interval == 0 {
		return true
	}
	if at.Before(t.due.Add(-t.Interval / 4)) {
		return false
	}
	t.due = t.due.Add(t.Interval)
	if t.due.Before(at) { // the first picture, or after a pause
		t.due = at.Add(t.Interval)
	}
	return true
}

// Samples gives the capture time of audio by counting samples, held against the arrival times. Counting alone
// drifts away from the pictures (sound cards are off by up to 0.01 %, and lose samples); arrival times alone jump
// by a buffer's length.
type Samples struct {
	Rate  int64
	Count int64     // captured so far, gaps included
	Epoch time.Time // when sample 0 was captured, as far as is known
}

// maxSlip is how far counted and real time may be apart before audio was lost rather than late.
const maxSlip = 100 * time.Millisecond

// Observe takes a chunk of n samples whose first one was captured at about the given time. It returns the number
// of samples that are missing before it.
func (c *Samples) Observe(capturedAt time.Time, n int) (lost int64) {
	if c.Epoch.IsZero() {
		c.Epoch = capturedAt
	}
	slip := capturedAt.Sub(c.At(c.Count))
	switch {
	case slip > maxSlip:
		lost = int64(slip) * c.Rate / int64(time.Second)
		c.Count += lost
	case slip < -maxSlip:
		c.Epoch = c.Epoch.Add(slip)
	default:
		c.Epoch = c.Epoch.Add(slip / 64)
	}
	c.Count += int64(n)
	return lost
}

// At is the capture time of the sample with this number.
func (c *Samples) At(sample int64) time.Time {
	whole, rest := sample/c.Rate, sample%c.Rate
	return c.Epoch.Add(time.Duration(whole)*time.Second + time.Duration(rest*int64(time.Second)/c.Rate))
}

// Wait waits, or returns early when ctx ends.
func Wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
