package broadcast_test

import (
	"math/rand/v2"
	"sync"
	"time"
)

// path is a simulated bottleneck, which several viewers may share: a rate, a queue that drops what does not fit, a way to
// go, and losses behind the queue.
type path struct {
	rate  func(at time.Duration) float64 // bit/s, since the path was made
	queue time.Duration                  // longest
	delay time.Duration                  // one way
	loss  float64                        // share that gets lost behind the queue

	mu     sync.Mutex
	began  time.Time
	free   time.Time // when the queue is empty
	random *rand.Rand
	drops  []time.Duration // when something found the queue full
}

func newPath(rate float64, queue, delay time.Duration) *path {
	now := time.Now()
	return &path{
		rate: func(time.Duration) float64 { return rate }, queue: queue, delay: delay,
		began: now, free: now, random: rand.New(rand.NewPCG(3, 4)),
	}
}

// enter returns when a packet of so many bytes arrives, or false when it does not.
func (p *path) enter(size int, now time.Time) (at time.Time, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.free.Sub(now) > p.queue {
		p.drops = append(p.drops, now.Sub(p.began))
		return time.Time{}, false
	}
	if p.free.Before(now) {
		p.free = now
	}
	p.free = p.free.Add(time.Duration(float64(size) * 8e9 / p.rate(now.Sub(p.began))))
	return p.free.Add(p.delay), p.random.Float64() >= p.loss
}

// dropped returns how much found the queue full between two times.
func (p *path) dropped(from, to time.Duration) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, at := range p.drops {
		if at >= from && at < to {
			n++
		}
	}
	return n
}
