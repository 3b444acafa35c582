package report

import (
	"errors"
	"testing"
	"time"
)

// TestBreaker judges one report a second of a stream of 2.5 Mbit/s.
func TestBreaker(t *testing.T) {
	type second struct {
		lost    uint8 // of 256
		rtt     time.Duration
		arrives bool
		idle    bool // nothing is sent
	}
	always := func(s second) func(int) second { return func(int) second { return s } }
	for _, c := range []struct {
		name   string
		report func(second int) second
		want   error
		after  int // seconds; 0: never
	}{
		{"a good path", always(second{0, 20 * time.Millisecond, true, false}), nil, 0},
		{"a tenth lost on a short way", always(second{26, 20 * time.Millisecond, true, false}), nil, 0},
		{"a tenth lost across a continent", always(second{26, 80 * time.Millisecond, true, false}), nil, 0},
		{"a tenth lost around the world", always(second{26, 300 * time.Millisecond, true, false}), ErrCongested, 15},
		{"an eighth of it gets through", always(second{225, 400 * time.Millisecond, true, false}), ErrCongested, 15},
		{"the same with a good second in between", func(i int) second {
			if i%10 == 9 {
				return second{0, 400 * time.Millisecond, true, false}
			}
			return second{225, 400 * time.Millisecond, true, false}
		}, nil, 0},
		{"no round trip is known", always(second{225, 0, true, false}), nil, 0},
		{"nothing arrives", always(second{255, 0, false, false}), ErrNothingArrives, 15},
		{"nothing is sent: the publisher is away", always(second{0, 0, false, true}), nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b Breaker
			p := Path{Now: int64(time.Hour), ByteRate: 2.5e6 / 8}
			for i := range 60 {
				s := c.report(i)
				p.Now += int64(time.Second)
				p.RTT = s.rtt
				if !s.idle {
					p.Sent += 300
					p.Octets += 300 * 1040
				}
				if s.arrives {
					p.Reception.LastSequenceNumber += 300
				}
				p.Reception.FractionLost = s.lost
				err := b.Judge(p)
				if err == nil {
					continue
				}
				if !errors.Is(err, c.want) || i != c.after {
					t.Fatalf("after %d s: %v, want %v after %d s", i, err, c.want, c.after)
				}
				return
			}
			if c.want != nil {
				t.Errorf("it never stopped, want %v", c.want)
			}
		})
	}
}
