package broadcast

import (
	"testing"
	"time"

	"github.com/pion/rtcp"

	"porthole/internal/broadcast/report"
	"porthole/internal/codec"
	"porthole/internal/ntp"
)

// Somebody sets the clock, or the machine slept, which monotonic time does not count:
// the wall clock is followed, small differences are not.
func TestClockFollowsTheWall(t *testing.T) {
	c := newClock()
	nanos := c.now()
	said := c.wall(nanos)
	for _, tt := range []struct {
		name string
		set  time.Duration // the wall clock, since the beginning
		want time.Duration
	}{
		{"as it was", 0, 0},
		{"by a little", maxSkew / 2, 0},
		{"by an hour", time.Hour, time.Hour},
		{"an hour and a little", time.Hour + maxSkew/2, time.Hour},
		{"back to years ago", -30_000 * time.Hour, -30_000 * time.Hour},
		{"right again", 0, 0},
	} {
		c.correct(said.Round(0).Add(tt.set), nanos)
		c.correct(said.Round(0).Add(tt.set), nanos) // as another viewer's report does
		if got := c.wall(nanos).Round(0).Sub(said.Round(0)); got != tt.want {
			t.Errorf("%s: the time moved by %v, want %v", tt.name, got, tt.want)
		}
	}
	if c.now() < nanos {
		t.Error("monotonic time went back")
	}
}

// A report that was sent before the clock was set tells no round trip of an hour.
func TestRoundTripAcrossASetClock(t *testing.T) {
	c := newClock()
	var r report.Reception
	sent := ntp.Timestamp(c.wall(c.now()))
	r.Reported(sent)
	block := rtcp.ReceptionReport{LastSenderReport: uint32(sent >> 16)}
	r.Received(block, ntp.Timestamp(c.wall(c.now()+int64(50*time.Millisecond))))
	if r.RTT < 45*time.Millisecond || r.RTT > 60*time.Millisecond {
		t.Fatalf("round trip %v, want 50ms", r.RTT)
	}
	before := r.RTT
	for _, set := range []time.Duration{time.Hour, -time.Hour} {
		r.Received(block, ntp.Timestamp(c.wall(c.now()).Add(set)))
		if r.RTT != before {
			t.Errorf("the clock was set by %v: round trip %v", set, r.RTT)
		}
	}
}

// A publisher's clock that runs fast is followed; what it says of a moment stays
// close to when that was.
func TestFastClockOfAPublisherIsFollowed(t *testing.T) {
	b := New(Config{})
	defer b.Close()
	p, err := b.Publish("cam", PublisherConfig{Kinds: []codec.Kind{codec.Video}})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	var late time.Duration
	for i := range 20_000 { // reports, each of which is 1 ms further ahead of us
		at := p.localTime(now.Add(time.Duration(i) * time.Millisecond))
		late = time.Duration(b.clock.now() - at).Abs()
	}
	if late > 200*time.Millisecond {
		t.Errorf("after 20 s of drift it is %v off", late)
	}
}
