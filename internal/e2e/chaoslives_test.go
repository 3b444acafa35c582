//go:build e2e && linux

package e2e_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// lives are what viewers do from when they are connected to when they are gone.
var lives = []struct {
	name  string
	quick bool // the server knows at once that it is over
	live  func(v *viewer, rng *rand.Rand) error
}{
	{"watches and leaves by DELETE", true, func(v *viewer, rng *rand.Rand) error {
		stay(rng, 3*time.Second)
		return v.delete()
	}},
	{"watches and says goodbye", true, func(_ *viewer, rng *rand.Rand) error {
		stay(rng, 3*time.Second)
		return nil // the connection is closed
	}},
	{"restarts ICE", true, func(v *viewer, rng *rand.Rand) error {
		for range 1 + rng.IntN(3) {
			if err := v.restartICE(); err != nil {
				return fmt.Errorf("restart ICE: %w", err)
			}
			stay(rng, time.Second)
		}
		return v.delete()
	}},
	{"changes its address", true, func(v *viewer, rng *rand.Rand) error {
		if err := v.conn.move(); err != nil {
			return err
		}
		stay(rng, time.Second)
		if err := v.restartICE(); err != nil {
			return fmt.Errorf("restart ICE after the address changed: %w", err)
		}
		stay(rng, 2*time.Second)
		return v.delete()
	}},
	{"loses packets", true, func(v *viewer, rng *rand.Rand) error {
		v.conn.lose.Store(5 + rng.Int32N(16))
		stay(rng, 6*time.Second)
		v.conn.lose.Store(0)
		return v.delete()
	}},
	{"stalls and wakes up", true, func(v *viewer, rng *rand.Rand) error {
		v.conn.lose.Store(100)
		stay(rng, 3*time.Second)
		v.conn.lose.Store(0)
		stay(rng, time.Second)
		return v.delete()
	}},
	{"stalls for good", false, func(v *viewer, rng *rand.Rand) error {
		v.conn.deaf.Store(true)
		stay(rng, 3*time.Second)
		v.vanish()
		return nil
	}},
	{"vanishes", false, func(v *viewer, rng *rand.Rand) error {
		stay(rng, 2*time.Second)
		v.vanish()
		return nil
	}},
}

// stay lets some time pass, of the schedule.
func stay(rng *rand.Rand, most time.Duration) {
	<-time.After(time.Duration(rng.Int64N(int64(most))))
}

// view lets one more viewer come, if there is a place.
func (c *chaos) view(rude bool) {
	stream := []string{"steady", "steady", "webcam", "guest"}[c.rng.IntN(4)]
	life, seed := c.rng.IntN(len(lives)), c.rng.Uint64()
	if !rude && !lives[life].quick {
		life = 0
	}
	select {
	case c.places <- struct{}{}:
	default:
		c.note("a viewer finds no place in the test")
		return
	}
	c.viewers.Go(func() {
		defer func() { <-c.places }()
		c.live(stream, life, seed)
	})
}

// live is the whole life of a viewer.
func (c *chaos) live(stream string, life int, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 2))
	v, err := newViewer(c.s)
	if err != nil {
		c.t.Errorf("make a viewer: %v", err)
		return
	}
	defer func() {
		v.close()
		c.leave(v.peer)
	}()
	err = v.signal("/whep/" + stream)
	if status, ok := errors.AsType[*statusError](err); ok && status.status == http.StatusConflict {
		c.note("a viewer finds nobody publishing")
		return
	}
	if err != nil {
		c.t.Errorf("watch %s: %v", stream, err)
		return
	}
	c.note("a viewer " + lives[life].name)
	if rng.IntN(8) == 0 {
		return // before it is connected
	}
	select {
	case <-v.connected:
	case <-v.ended:
	case <-time.After(20 * time.Second):
		c.t.Errorf("a viewer of %s is not connected after 20 s", stream)
		return
	}
	err = lives[life].live(v, rng)
	if status, ok := errors.AsType[*statusError](err); ok && status.status == http.StatusNotFound {
		c.note("a viewer's session ended first") // its stream changed its codec, or ended
		return
	}
	if err != nil {
		c.t.Errorf("a viewer of %s that %s: %v", stream, lives[life].name, err)
	}
}

// steadyPublisher is the healthy one.
type steadyPublisher struct {
	*publisher
	mu   sync.Mutex
	sent []time.Time
}

func startSteady(t testing.TB, s *server, frames [][]byte) *steadyPublisher {
	t.Helper()
	base, err := newPublisher(s)
	if err != nil {
		t.Fatal(err)
	}
	p := &steadyPublisher{publisher: base}
	t.Cleanup(func() { p.close() })
	p.token = chaosToken
	if err := p.signal("/whip/steady"); err != nil {
		t.Fatal(err)
	}
	p.waitConnected(t)
	p.startVideo(func() [][]byte { return frames }, func(at time.Time) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.sent = append(p.sent, at)
	})
	t.Cleanup(p.stop)
	return p
}

// longestPause is how long the publisher sent nothing in a stretch of time.
func (p *steadyPublisher) longestPause(from, to time.Time) (longest time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := from
	for _, at := range p.sent {
		if at.Before(from) {
			continue
		}
		if at.After(to) {
			break
		}
		longest, last = max(longest, at.Sub(last)), at
	}
	return max(longest, to.Sub(last))
}

// guestPublisher comes and goes on one stream, in every way.
type guestPublisher struct {
	c            *chaos
	rng          *rand.Rand
	small, large [][]byte
	crash        atomic.Bool // at the next opportunity
	stop         chan struct{}
	running      sync.WaitGroup
}

func newGuest(c *chaos, seed uint64, small, large [][]byte) *guestPublisher {
	return &guestPublisher{c: c, rng: rand.New(rand.NewPCG(seed, 3)), small: small, large: large, stop: make(chan struct{})}
}

func (g *guestPublisher) start() { g.running.Go(g.run) }

func (g *guestPublisher) end() {
	close(g.stop)
	g.running.Wait()
}

func (g *guestPublisher) run() {
	for {
		g.publish()
		select {
		case <-g.stop:
			return
		case <-time.After(time.Duration(g.rng.IntN(3000)) * time.Millisecond): // at once is a reconnect
		}
	}
}

// publish is one life of the publisher. Its name is its token, so that one that comes
// back takes over from the one that crashed.
func (g *guestPublisher) publish() {
	p, err := newPublisher(g.c.s)
	if err != nil {
		g.c.t.Errorf("make a publisher: %v", err)
		return
	}
	defer func() {
		p.stop()
		p.close()
		g.c.leave(p.peer)
	}()
	p.token = chaosToken
	if err := p.signal("/whip/guest"); err != nil {
		g.c.t.Errorf("publish guest: %v", err)
		return
	}
	select {
	case <-p.connected:
	case <-time.After(20 * time.Second):
		g.c.t.Error("the publisher is not connected after 20 s")
		return
	}
	var large atomic.Bool
	large.Store(g.rng.IntN(2) == 0)
	p.startVideo(func() [][]byte {
		if large.Load() {
			return g.large
		}
		return g.small
	}, func(time.Time) {})
	for range 1 + g.rng.IntN(4) {
		select {
		case <-g.stop:
		case <-time.After(time.Duration(500+g.rng.IntN(2000)) * time.Millisecond):
		}
		if g.crash.Swap(false) {
			g.c.note("the publisher crashes")
			p.stop()
			p.vanish()
			return
		}
		large.Store(!large.Load())
		g.c.note("the publisher changes its resolution")
	}
	switch g.rng.IntN(3) {
	case 0:
		g.c.note("the publisher stops")
		if err := p.delete(); err != nil {
			g.c.t.Errorf("DELETE of the publisher: %v", err)
		}
	case 1:
		g.c.note("the publisher crashes")
		p.stop()
		p.vanish()
	default:
		g.c.note("the publisher says goodbye")
	}
}
