package broadcast_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
)

// withSlate is a stream "cam" that shows "slate" while its publisher is away.
func withSlate() broadcast.Config {
	return broadcast.Config{Grace: 5 * time.Second, Fallbacks: map[string]string{"cam": "slate"}}
}

// keep lets a publisher write pictures until stop is closed, each picture ten
// times as large as those of others so that they can be told apart.
func (c *camera) keep(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
			c.picture()
			time.Sleep(frameTime)
		}
	}
}

// background runs a camera beside the test.
func background(t *testing.T, c *camera) (stop func()) {
	t.Helper()
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		c.keep(end)
	}()
	return func() {
		close(end)
		<-ended
	}
}

func stateOf(b *broadcast.Broadcaster, name string) broadcast.State {
	info, _ := b.Stream(name)
	return info.State
}

// The viewers of a stream that loses its publisher see the fallback at once and for
// as long as it takes, and the stream itself again with its first keyframe, all as
// one gapless stream.
func TestFallbackIsShownWhileThePublisherIsAway(t *testing.T) {
	bubble(t, withSlate(), func(t *testing.T, b *broadcast.Broadcaster) {
		slate := publishAs(t, b, "slate", h264, 30)
		defer background(t, slate)()
		cam := publish(t, b, 30)
		cam.picture()
		v, s := watch(t, b, nil)
		cam.run(time.Second)
		if got := stateOf(b, "cam"); got != broadcast.StateLive {
			t.Errorf("state %v with a publisher", got)
		}
		cam.publisher.Close(nil)
		time.Sleep(2 * frameTime)
		if info, _ := b.Stream("cam"); info.State != broadcast.StateFallback || info.Fallback != "slate" || !info.Live || len(info.Tracks) != 1 {
			t.Errorf("without a publisher: %+v", info)
		}
		time.Sleep(20 * time.Second) // far longer than the grace time
		if v.Err() != nil {
			t.Fatalf("a viewer of the fallback ended: %v", v.Err())
		}
		got := s.take()
		checkContiguous(t, got)
		if late := time.Since(got[len(got)-1].at); late > 2*frameTime {
			t.Errorf("the last picture came %v ago", late)
		}

		back := publish(t, b, 0) // connected, and silent for a while
		back.seq, back.timestamp = 7, 99
		time.Sleep(time.Second)
		if n := len(s.take()); n < 25*frameParts {
			t.Errorf("%d packets while the publisher that came back says nothing, want the fallback", n)
		}
		began := time.Now()
		back.run(time.Second)
		got = s.take()
		checkContiguous(t, got)
		if n := len(got); n < 29*frameParts || n > 32*frameParts {
			t.Errorf("%d packets in the first second of the publisher that came back, want those of one publisher", n)
		}
		for _, p := range got {
			if isKey(p) {
				if took := p.at.Sub(began); took > 300*time.Millisecond {
					t.Errorf("its keyframe was sent after %v", took)
				}
				break
			}
		}
		if got := stateOf(b, "cam"); got != broadcast.StateLive {
			t.Errorf("state %v when the publisher is back", got)
		}
	})
}

// Without a publisher there is the fallback to join, which also is asked for the
// keyframes that its viewers need.
func TestFallbackCanBeJoined(t *testing.T) {
	bubble(t, withSlate(), func(t *testing.T, b *broadcast.Broadcaster) {
		if _, err := b.Join("cam"); !errors.Is(err, broadcast.ErrNoPublisher) {
			t.Errorf("without any publisher: %v", err)
		}
		slate := publishAs(t, b, "slate", h264, 0)
		slate.picture()
		if _, err := b.Join("other"); !errors.Is(err, broadcast.ErrNoPublisher) {
			t.Errorf("a stream without a fallback: %v", err)
		}
		defer background(t, slate)()
		v, s := watch(t, b, nil)
		time.Sleep(time.Second)
		if n := len(s.take()); n < 25*frameParts {
			t.Fatalf("%d packets of the fallback", n)
		}
		v.HandleRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: videoSSRC}})
		synctest.Wait()
		if slate.requests() != 1 {
			t.Errorf("the fallback was asked for %d keyframes, want 1", slate.requests())
		}
		v.Close(nil)
		if _, ok := b.Stream("cam"); ok {
			t.Error("the stream outlives its last viewer")
		}
	})
}

// A stream that has viewers but never had a publisher goes on with its first one.
func TestFirstPublisherTakesOverFromTheFallback(t *testing.T) {
	bubble(t, withSlate(), func(t *testing.T, b *broadcast.Broadcaster) {
		slate := publishAs(t, b, "slate", h264, 30)
		slate.picture()
		defer background(t, slate)()
		_, s := watch(t, b, nil)
		time.Sleep(time.Second)
		cam := publish(t, b, 30)
		cam.run(time.Second)
		got := s.take()
		checkContiguous(t, got)
		if n := len(got); n < 58*frameParts || n > 64*frameParts {
			t.Errorf("%d packets in two seconds", n)
		}
		if slate.publisher.Err() != nil {
			t.Error("the fallback has ended")
		}
	})
}

// When the fallback is lost too, the grace time begins.
func TestLosingTheFallbackBeginsTheGraceTime(t *testing.T) {
	bubble(t, withSlate(), func(t *testing.T, b *broadcast.Broadcaster) {
		slate := publishAs(t, b, "slate", h264, 30)
		slate.picture()
		v, _ := watch(t, b, nil)
		slate.run(20 * time.Second)
		slate.publisher.Close(nil)
		time.Sleep(4 * time.Second)
		if v.Err() != nil {
			t.Errorf("ended before the grace time: %v", v.Err())
		}
		if got := stateOf(b, "cam"); got != broadcast.StateWaiting {
			t.Errorf("state %v", got)
		}
		time.Sleep(2 * time.Second)
		wantEnd(t, v, broadcast.ErrPublisherGone)
	})
}

// Who cannot play the fallback waits as if there were none, and is not sent away.
func TestFallbackOfAnotherCodecIsNone(t *testing.T) {
	bubble(t, withSlate(), func(t *testing.T, b *broadcast.Broadcaster) {
		slate := publishAs(t, b, "slate", vp8, 30)
		defer background(t, slate)()
		cam := publish(t, b, 30)
		cam.picture()
		patient, s := watch(t, b, nil)
		cam.run(time.Second)
		cam.publisher.Close(nil)
		s.take()
		time.Sleep(4 * time.Second)
		if n := len(s.take()); n != 0 {
			t.Errorf("%d packets of a codec that was not agreed to", n)
		}
		if patient.Err() != nil {
			t.Fatalf("ended: %v", patient.Err())
		}
		cam = publish(t, b, 30)
		cam.run(time.Second)
		got := s.take()
		checkContiguous(t, got)
		if len(got) != 30*frameParts {
			t.Errorf("%d packets after the publisher came back, want %d", len(got), 30*frameParts)
		}
		able, sink := watch(t, b, func(c *broadcast.ViewerConfig) {
			c.Video.Accepts = func(codec.Codec) bool { return true }
		})
		cam.publisher.Close(nil)
		time.Sleep(6 * time.Second)
		wantEnd(t, patient, broadcast.ErrPublisherGone)
		if able.Err() != nil || len(sink.take()) < 100 {
			t.Errorf("the viewer that can play the fallback does not: %v", able.Err())
		}
	})
}

// A fallback whose codec changes while it is shown leaves those who cannot play it any
// more with a picture that stands still: for the grace time, each time, and not for ever.
func TestFallbackThatChangesItsCodecStarvesNobodyForEver(t *testing.T) {
	bubble(t, withSlate(), func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 30)
		cam.picture()
		slate := publishAs(t, b, "slate", h264, 30)
		slate.picture()
		v, s := watch(t, b, nil)
		able, ableSink := watch(t, b, func(c *broadcast.ViewerConfig) {
			c.Video.Accepts = func(codec.Codec) bool { return true }
		})
		cam.run(time.Second)
		cam.publisher.Close(nil)
		slate.run(20 * time.Second) // the grace time after the publisher is over
		play := func(c codec.Codec, d time.Duration) {
			slate.publisher.Close(nil)
			slate = publishAs(t, b, "slate", c, 30)
			slate.run(d)
		}
		play(vp8, 4*time.Second)
		if v.Err() != nil {
			t.Fatalf("ended before its grace time: %v", v.Err())
		}
		s.take()
		play(h264, time.Second)
		if v.Err() != nil || len(s.take()) < 25*frameParts {
			t.Fatalf("it is not shown what it can play again: %v", v.Err())
		}
		play(vp8, 4*time.Second)
		if v.Err() != nil {
			t.Fatalf("its second grace time is shorter than the first: %v", v.Err())
		}
		slate.run(2 * time.Second)
		wantEnd(t, v, broadcast.ErrPublisherGone)
		ableSink.take()
		slate.run(20 * time.Second)
		if able.Err() != nil || len(ableSink.take()) < 19*30*frameParts {
			t.Errorf("who can play the fallback does not: %v", able.Err())
		}
	})
}

// A fallback may have one itself, and what is shown is the first that there is.
func TestFallbacksFollowEachOther(t *testing.T) {
	cfg := broadcast.Config{Fallbacks: map[string]string{"cam": "second", "second": "third", broadcast.EveryOther: "third"}}
	bubble(t, cfg, func(t *testing.T, b *broadcast.Broadcaster) {
		showing := func() string {
			info, _ := b.Stream("cam")
			return info.Fallback
		}
		third := publishAs(t, b, "third", h264, 30)
		third.picture()
		defer background(t, third)()
		_, s := watch(t, b, nil)
		time.Sleep(time.Second)
		if got := showing(); got != "third" {
			t.Errorf("showing %q, want the third", got)
		}
		second := publishAs(t, b, "second", h264, 30)
		second.picture()
		time.Sleep(frameTime)
		if got := showing(); got != "second" {
			t.Errorf("showing %q, want the second", got)
		}
		second.publisher.Close(nil)
		time.Sleep(time.Second)
		if got := showing(); got != "third" {
			t.Errorf("showing %q, want the third again", got)
		}
		checkContiguous(t, s.take())
		if other, err := b.Join("any other"); err != nil {
			t.Errorf("a stream without an entry: %v", err)
		} else {
			other.Close(nil)
		}
	})
}

func TestFallbackCyclesAreFound(t *testing.T) {
	for name, tt := range map[string]struct {
		fallbacks map[string]string
		cycle     bool
	}{
		"none":                       {nil, false},
		"itself":                     {map[string]string{"a": "a"}, true},
		"each other":                 {map[string]string{"a": "b", "b": "a"}, true},
		"a chain":                    {map[string]string{"a": "b", "b": "c"}, false},
		"a tail before a circle":     {map[string]string{"a": "b", "b": "c", "c": "b"}, true},
		"every other":                {map[string]string{"": "a"}, false},
		"every other's own fallback": {map[string]string{"": "a", "a": "b"}, true},
		"its fallback ends":          {map[string]string{"": "a", "a": "b", "b": ""}, false},
	} {
		if err := broadcast.CheckFallbacks(tt.fallbacks); errors.Is(err, broadcast.ErrFallbackCycle) != tt.cycle {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A viewer of a stream whose fallback is off brings that to work.
func TestFallbackThatIsOffIsWokenUp(t *testing.T) {
	bubble(t, withSlate(), func(t *testing.T, b *broadcast.Broadcaster) {
		a, err := b.Announce("slate", "camera")
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		a.Tell(broadcast.SourceStatus{Standby: []codec.Codec{h264}})
		v, s := watch(t, b, nil)
		if !a.Watched() {
			t.Error("the fallback is not told of the viewer")
		}
		if got := stateOf(b, "cam"); got != broadcast.StateStandby {
			t.Errorf("state %v", got)
		}
		slate := publishAs(t, b, "slate", h264, 30)
		slate.run(time.Second)
		if got := stateOf(b, "cam"); got != broadcast.StateFallback {
			t.Errorf("state %v", got)
		}
		if n := len(s.take()); n < 25*frameParts {
			t.Errorf("%d packets of the fallback", n)
		}
		v.Close(nil)
		if a.Watched() {
			t.Error("the fallback is taken to be watched")
		}
	})
}
