package broadcast_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
	"porthole/internal/events"
)

func announce(t *testing.T, b *broadcast.Broadcaster) *broadcast.Announcement {
	t.Helper()
	a, err := b.Announce("cam", "camera")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

var standby = broadcast.SourceStatus{Text: "camera off while nobody watches", Standby: []codec.Codec{h264}}

func TestAnnouncedStreamIsListed(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		a := announce(t, b)
		if _, err := b.Announce("cam", "camera"); !errors.Is(err, broadcast.ErrStreamBusy) {
			t.Errorf("a second announcement: %v", err)
		}
		changes := b.Events().Listen(0, events.Changes)
		defer changes.Close()
		a.Tell(broadcast.SourceStatus{Text: "camera unplugged"})
		select {
		case <-changes.Ready():
		default:
			t.Error("another state was not told")
		}
		a.Tell(broadcast.SourceStatus{Text: "camera unplugged"})
		select {
		case <-changes.Ready():
			t.Error("the same state was told again")
		default:
		}
		info, ok := b.Stream("cam")
		if !ok || info.State != broadcast.StateWaiting || info.SourceState != "camera unplugged" || info.Source != "camera" || info.Live {
			t.Errorf("%+v", info)
		}
		if _, err := b.Join("cam"); !errors.Is(err, broadcast.ErrNoPublisher) || !strings.Contains(err.Error(), "camera unplugged") {
			t.Errorf("joining a stream whose source cannot work: %v", err)
		}

		cam := publish(t, b, 30)
		cam.picture()
		a.Tell(broadcast.SourceStatus{})
		if info, _ := b.Stream("cam"); info.State != broadcast.StateLive || info.SourceState != "" || !info.Live {
			t.Errorf("with a publisher: %+v", info)
		}
		if !a.Taken() {
			t.Error("the publisher is not told")
		}
		cam.publisher.Close(nil)
		if a.Taken() {
			t.Error("the publisher's end is not told")
		}
		a.Close()
		a.Close()
		if _, ok := b.Stream("cam"); ok {
			t.Error("the stream is there although nobody has anything to do with it")
		}
		announce(t, b).Close()
	})
}

// A viewer of a source that is off brings it to work, is shown what comes then, and
// nothing of what was before.
func TestStandbyIsJoinedAndWakes(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		a := announce(t, b)
		defer a.Close()
		yesterday := publish(t, b, 30)
		yesterday.run(time.Second)
		yesterday.publisher.Close(nil)

		a.Tell(standby)
		if info, _ := b.Stream("cam"); info.State != broadcast.StateStandby || info.Live {
			t.Errorf("off: %+v", info)
		}
		if a.Watched() {
			t.Error("watched by nobody")
		}
		changes := b.Events().Listen(0, events.Changes)
		defer changes.Close()
		v, s := watch(t, b, nil)
		<-changes.Ready()
		if !a.Watched() {
			t.Error("a viewer is not told")
		}
		if c := v.Codecs(); len(c) != 1 || c[0] != h264 {
			t.Errorf("codecs %v", c)
		}
		time.Sleep(time.Second)
		if n := len(s.take()); n != 0 {
			t.Errorf("%d packets of before", n)
		}

		cam := publish(t, b, 30)
		cam.run(time.Second)
		packets := s.take()
		if len(packets) < 29*frameParts || !isKey(packets[0]) {
			t.Errorf("%d packets of the second since it works", len(packets))
		}
		checkContiguous(t, packets)
		v.Close(nil)
		if a.Watched() {
			t.Error("still watched")
		}
		cam.publisher.Close(nil)

		// Who joins before the source has noticed that it was let go of, likewise.
		_, s = watch(t, b, nil)
		time.Sleep(time.Second)
		if n := len(s.take()); n != 0 {
			t.Errorf("%d packets of before", n)
		}
	})
}

// A source that does not come has the grace time, counted anew for whoever comes
// after everybody left.
func TestStandbyThatNeverComes(t *testing.T) {
	const grace = 10 * time.Second
	bubble(t, broadcast.Config{Grace: grace}, func(t *testing.T, b *broadcast.Broadcaster) {
		a := announce(t, b)
		a.Tell(standby)
		first, _ := watch(t, b, nil)
		time.Sleep(grace / 2)
		first.Close(nil)
		second, _ := watch(t, b, nil)
		time.Sleep(grace * 3 / 4)
		if err := second.Err(); err != nil {
			t.Errorf("ended early: %v", err)
		}
		time.Sleep(grace / 2)
		wantEnd(t, second, broadcast.ErrPublisherGone)
		second.Close(nil)

		third, _ := watch(t, b, nil)
		time.Sleep(grace + time.Second)
		wantEnd(t, third, broadcast.ErrPublisherGone)
		third.Close(nil)
	})
}

func TestAnnouncementEndsWithTheBroadcaster(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		a := announce(t, b)
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		wantEnd(t, a, broadcast.ErrClosed)
		a.Close()
		if _, err := b.Announce("cam", "camera"); !errors.Is(err, broadcast.ErrClosed) {
			t.Errorf("announced after the end: %v", err)
		}
	})
}
