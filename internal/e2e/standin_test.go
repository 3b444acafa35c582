//go:build e2e

package e2e_test

import (
	"fmt"
	"testing"
	"time"
)

// TestLocalSourceStandsInForAPublisher is a stream that shows the camera of the
// server while nobody publishes it. A viewer who is there from the beginning sees
// pattern, publisher, pattern, publisher, on one connection and without a gap.
func TestLocalSourceStandsInForAPublisher(t *testing.T) {
	t.Parallel()
	const most = 300 * time.Millisecond // from the publisher's first keyframe to the viewer
	frames := encodeTestVideo(t)
	s := startServer(t, "--source", patternSource, "--fallback", "door=webcam", "--grace", "2s")
	s.waitLive(t, "webcam", true, 20*time.Second)
	requireState(t, s, "door", "", "")
	v := watch(t, s, "door")
	v.video.startRecording()
	v.waitPlaying(t)
	requireState(t, s, "door", "fallback", "webcam")

	for _, leave := range []func(*publisher) error{(*publisher).delete, (*publisher).hangUp} {
		sender, err := newPublisher(s)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { sender.close() })
		if err := sender.signal("/whip/door"); err != nil {
			t.Fatal(err)
		}
		sender.waitConnected(t)
		v.waitFrames(t, 15) // connected is not enough to take the picture away
		requireState(t, s, "door", "fallback", "webcam")
		began, watch := time.Now(), startStopwatch()
		sender.start(frames)
		t.Cleanup(sender.stop)
		size := fmt.Sprintf("%x", spsOf(frames[0]))
		waitFor(t, 10*time.Second, "the publisher's picture", func() error { return v.video.shows(size) })
		if took := v.video.showsSince(size).Sub(began); took > most+watch.gone() {
			t.Errorf("the viewer saw the publisher %v after its first keyframe, want at most %v", took, most)
		} else {
			t.Logf("the viewer saw the publisher %v after its first keyframe", took)
		}
		requireState(t, s, "door", "live", "")
		v.waitFrames(t, 30)
		if err := leave(sender); err != nil {
			t.Fatal(err)
		}
		sender.stop()
		waitFor(t, 10*time.Second, "the fallback", func() error {
			if got := s.stream(t, "door").State; got != "fallback" {
				return fmt.Errorf("the state is %q", got)
			}
			return nil
		})
		v.waitFrames(t, 90) // longer than the grace time
	}
	select {
	case <-v.ended:
		t.Error("the viewer's connection ended")
	default:
	}
	if c := v.video.counts(); c.missing != 0 {
		t.Errorf("the viewer saw gaps between sequence numbers: %+v", c)
	}
	requireDecodable(t, v.video.recorded())
}

// hangUp ends the connection with a goodbye, and the session without a DELETE.
func (p *peer) hangUp() error { return p.close() }

func requireState(t testing.TB, s *server, stream, state, fallback string) {
	t.Helper()
	if info := s.stream(t, stream); info.State != state || info.Fallback != fallback {
		t.Errorf("stream %s is %q with the fallback %q, want %q with %q", stream, info.State, info.Fallback, state, fallback)
	}
}

// spsOf returns the sequence parameter set of a frame, nil when it has none.
func spsOf(annexB []byte) []byte {
	for nalu := range nalus(annexB) {
		if nalu[0]&0x1f == 7 {
			return nalu
		}
	}
	return nil
}

// shows fails unless the newest keyframe of the recording has the parameter set.
func (t *tally) shows(sps string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	newest := ""
	for _, p := range t.pictures {
		if s := spsOf(p.annexB); s != nil {
			newest = fmt.Sprintf("%x", s)
		}
	}
	if newest != sps {
		return fmt.Errorf("the newest keyframe has the parameter set %s, want %s", newest, sps)
	}
	return nil
}

// showsSince returns when the newest run of keyframes with the parameter set began.
func (t *tally) showsSince(sps string) (since time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := ""
	for _, p := range t.pictures {
		s := spsOf(p.annexB)
		if s == nil {
			continue
		}
		now := fmt.Sprintf("%x", s)
		if now == sps && before != sps {
			since = p.arrived
		}
		before = now
	}
	return since
}

// TestSlateStandsIn is a stream with a slate for the time before and after its
// publisher's: it is drawn only while somebody has to look at it.
func TestSlateStandsIn(t *testing.T) {
	t.Parallel()
	frames := encodeTestVideo(t)
	s := startServer(t, "--source", patternSource, "--fallback", "slate:?text=back+soon&size=320x180&fps=15")
	v := watch(t, s, "door")
	v.waitPlaying(t)
	requireState(t, s, "door", "fallback", "slate")
	sender := publish(t, s, "door", frames)
	waitFor(t, 10*time.Second, "the publisher", func() error {
		if got := s.stream(t, "door").State; got != "live" {
			return fmt.Errorf("the state is %q", got)
		}
		return nil
	})
	v.waitFrames(t, 30)
	waitFor(t, 20*time.Second, "the slate to be off", func() error {
		if got := s.stream(t, "slate").State; got != "standby" {
			return fmt.Errorf("the state is %q", got)
		}
		return nil
	})
	if err := sender.delete(); err != nil {
		t.Fatal(err)
	}
	sender.stop()
	v.waitFrames(t, 5)
	waitFor(t, 10*time.Second, "the slate", func() error {
		if info := s.stream(t, "door"); info.State != "fallback" || info.Fallback != "slate" {
			return fmt.Errorf("%+v", info)
		}
		return nil
	})
	v.waitFrames(t, 5)
	if c := v.video.counts(); c.missing != 0 {
		t.Errorf("the viewer saw gaps between sequence numbers: %+v", c)
	}
}
