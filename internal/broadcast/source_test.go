package broadcast_test

import (
	"testing"
	"time"

	"porthole/internal/broadcast"
)

// A publisher restarts its encoder, whose new source (SSRC) has numbers and timestamps of
// its own: anything, near the old ones included. Viewers go on as if nothing had happened.
func TestAnotherSourceIsOneStreamForViewers(t *testing.T) {
	for name, change := range map[string]func(*camera){
		"the same numbers":       func(*camera) {},
		"numbers a little back":  func(c *camera) { c.seq -= 50; c.timestamp -= 5 * frameTicks },
		"numbers a little ahead": func(c *camera) { c.seq += 50; c.timestamp += 5 * frameTicks },
		"numbers far away":       func(c *camera) { c.seq += 20_000; c.timestamp += 1 << 30 },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
				c := publish(t, b, 30)
				c.picture()
				_, s := watch(t, b, nil)
				c.run(2 * time.Second)
				before := s.take()
				time.Sleep(300 * time.Millisecond) // the old one is silent
				c.layer.ChangeSource()
				change(c)
				c.frame = 0 // begins with a keyframe
				at := time.Now()
				c.run(2 * time.Second)
				after := s.take()
				if len(after) < 55*frameParts {
					t.Fatalf("%d packets after the change, want those of 60 pictures", len(after))
				}
				checkContiguous(t, append(before, after...))
				first, last := after[0], before[len(before)-1]
				if !isKey(first) || first.at.Sub(at) > 50*time.Millisecond {
					t.Errorf("%q came first, after %v; want the new keyframe at once", first.payload, first.at.Sub(at))
				}
				// Time goes on by what really passed: 300 ms and one picture.
				passed := time.Duration(first.Timestamp-last.Timestamp) * time.Second / 90_000
				if passed < 250*time.Millisecond || passed > 400*time.Millisecond {
					t.Errorf("the timestamp moved on by %v, want about 330 ms", passed)
				}
			})
		})
	}
}

// Without a keyframe at its beginning, the new source is asked for one.
func TestAnotherSourceIsAskedForAKeyframe(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		c := publish(t, b, 0)
		c.picture()
		_, s := watch(t, b, nil)
		c.run(2 * time.Second)
		before, asked := s.take(), c.requests()
		c.layer.ChangeSource()
		c.seq, c.timestamp = 7, 7
		c.run(time.Second)
		after := s.take()
		if c.requests() == asked || len(after) == 0 || !isKey(after[0]) {
			t.Fatalf("asked %d times, %d packets; want a request, and to go on with its keyframe", c.requests()-asked, len(after))
		}
		checkContiguous(t, append(before, after...))
	})
}
