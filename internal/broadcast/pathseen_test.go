package broadcast_test

import (
	"slices"
	"testing"
	"time"
)

// shown is a picture that could be shown.
type shown struct {
	at    time.Time
	delay time.Duration // since it was taken
	rung  uint8
}

// screen puts pictures together and shows them in order, as a player of H.264 has to, which knows of what depends on
// what only that it depends on what comes before: packet by packet, unless a keyframe comes.
type screen struct {
	t        *testing.T
	coming   map[uint64]*coming // by the number of the first packet
	expected uint64             // the number that comes next; 0: a keyframe has to
	began    time.Time          // when the first packet came
	asked    time.Time
	shown    []shown
	keys     []time.Time // when keyframes were shown
	seen     [3]map[uint32]bool
	last     *coming
}

// coming is a picture of which some packets have come.
type coming struct {
	truth truth
	first uint64
	parts map[uint8]bool
	id    uint16
	tl0   uint8
	vp8   bool
}

func newScreen(t *testing.T) screen {
	return screen{t: t, coming: map[uint64]*coming{}, seen: [3]map[uint32]bool{{}, {}, {}}}
}

func (s *screen) take(number uint64, p *onPath) {
	if s.began.IsZero() {
		s.began = p.at
	}
	first := number - uint64(p.truth.part)
	if first < s.expected {
		return
	}
	c := s.coming[first]
	if c == nil {
		c = &coming{truth: p.truth, first: first, parts: map[uint8]bool{}, vp8: p.head[1] == 0xe0, id: (uint16(p.head[2])<<8 | uint16(p.head[3])) & 0x7fff, tl0: p.tl0}
		s.coming[first] = c
	}
	if c.truth.picture != p.truth.picture || c.truth.rung != p.truth.rung || p.marker != (p.truth.part == p.truth.parts-1) {
		s.t.Errorf("packet %d is of picture %d of rung %d, and its neighbours of %d of %d", number, p.truth.picture, p.truth.rung, c.truth.picture, c.truth.rung)
	}
	c.parts[p.truth.part] = true
	s.show(p.at)
}

// show shows all that can be.
func (s *screen) show(now time.Time) {
	for {
		next := s.coming[s.expected]
		if next == nil || !next.whole() {
			next = s.keyframe()
		}
		if next == nil {
			return
		}
		s.check(next)
		s.expected = next.first + uint64(next.truth.parts)
		for first := range s.coming {
			if first < s.expected {
				delete(s.coming, first)
			}
		}
		s.seen[next.truth.rung][next.truth.picture] = true
		s.shown = append(s.shown, shown{at: now, delay: time.Duration(now.UnixNano() - next.truth.captured), rung: next.truth.rung})
		if next.truth.needs == 0 {
			s.keys = append(s.keys, now)
		}
		s.last = next
	}
}

func (c *coming) whole() bool { return len(c.parts) == int(c.truth.parts) }

// keyframe returns the newest whole keyframe ahead.
func (s *screen) keyframe() (best *coming) {
	for first, c := range s.coming {
		if c.truth.needs == 0 && c.whole() && (best == nil || first > best.first) {
			best = c
		}
	}
	return best
}

// check fails when a picture that follows on the last one without a hole cannot be shown.
func (s *screen) check(c *coming) {
	if c.truth.needs != 0 && !s.seen[c.truth.rung][c.truth.needs] {
		s.t.Errorf("picture %d of rung %d, of layer %d, needs picture %d, which was not sent", c.truth.picture, c.truth.rung, c.truth.temporal, c.truth.needs)
	}
	if s.last == nil || !c.vp8 || c.first != s.expected || c.truth.needs == 0 {
		return
	}
	base := s.last.tl0
	if c.truth.temporal == 0 {
		base++
	}
	if c.id != (s.last.id+1)&0x7fff || c.tl0 != base {
		s.t.Errorf("picture id %d with TL0PICIDX %d after %d with %d, layer %d", c.id, c.tl0, s.last.id, s.last.tl0, c.truth.temporal)
	}
}

// asks says whether the player asks for a keyframe.
func (s *screen) asks(now time.Time) bool {
	patience, since := keyPatience, s.began
	if len(s.shown) > 0 {
		patience, since = stuckPatience, s.shown[len(s.shown)-1].at
	}
	if s.began.IsZero() || now.Sub(since) < patience || now.Sub(s.asked) < max(patience/3, keyPatience) {
		return false
	}
	s.asked = now
	return true
}

// soundTrack notes what came of the sound.
type soundTrack struct {
	numbers []uint64
	at      []time.Time
	delays  []time.Duration
}

func (s *soundTrack) take(number uint64, p *onPath) {
	s.numbers, s.at = append(s.numbers, number), append(s.at, p.at)
	s.delays = append(s.delays, time.Duration(p.at.UnixNano()-p.truth.captured))
}

// seen is what a viewer has seen and heard between two times.
type seen struct {
	pictures   float64       // a second
	pause      time.Duration // the longest between two
	delay      time.Duration // of pictures, which 95 of 100 are below
	rungs      [3]float64    // shares of pictures
	soundLost  int
	soundDelay time.Duration // 95 of 100
	soundWorst time.Duration
}

// between sums up what was seen from one time to another, since the viewer came.
func (v *pathViewer) between(from, to time.Duration) (s seen) {
	last := v.began.Add(from)
	var delays []time.Duration
	for _, p := range v.picture.shown {
		if at := p.at.Sub(v.began); at < from || at >= to {
			continue
		}
		s.pause, last = max(s.pause, p.at.Sub(last)), p.at
		delays = append(delays, p.delay)
		s.rungs[p.rung]++
	}
	s.pause = max(s.pause, v.began.Add(to).Sub(last))
	for i := range s.rungs {
		s.rungs[i] /= max(float64(len(delays)), 1)
	}
	s.pictures = float64(len(delays)) / (to - from).Seconds()
	s.delay = percentile(delays, 0.95)
	delays = delays[:0]
	before := uint64(0)
	for i, n := range v.sound.numbers {
		if at := v.sound.at[i].Sub(v.began); at < from || at >= to {
			continue
		}
		if before != 0 {
			s.soundLost += int(n - before - 1)
		}
		before = n
		delays = append(delays, v.sound.delays[i])
		s.soundWorst = max(s.soundWorst, v.sound.delays[i])
	}
	s.soundDelay = percentile(delays, 0.95)
	return s
}

// firstOf returns when a picture of a rung, or of one below, was first shown after a time; or -1.
func (v *pathViewer) firstOf(after time.Duration, is func(rung uint8) bool) time.Duration {
	for _, p := range v.picture.shown {
		if at := p.at.Sub(v.began); at >= after && is(p.rung) {
			return at - after
		}
	}
	return -1
}

func percentile(d []time.Duration, p float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	d = slices.Clone(d)
	slices.Sort(d)
	return d[int(float64(len(d)-1)*p)]
}
