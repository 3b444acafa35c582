package broadcast_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"porthole/internal/broadcast"
	"porthole/internal/events"
)

// newsOf listens for all but the changes, and returns what takes what has come.
func newsOf(t *testing.T, b *broadcast.Broadcaster) (take func() []events.Data) {
	t.Helper()
	l := b.Events().Listen(100, func(d events.Data) bool { return !events.Changes(d) })
	t.Cleanup(l.Close)
	return func() (news []events.Data) {
		t.Helper()
		synctest.Wait()
		list, missed := l.Take()
		if missed > 0 {
			t.Errorf("%d events are missing", missed)
		}
		for _, e := range list {
			news = append(news, e.Data)
		}
		return news
	}
}

func wantNews(t *testing.T, when string, got []events.Data, want ...events.Data) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %+v, want %+v", when, got, want)
	}
}

// Each time that a stream goes live or away is told, once; what does not change that is not.
func TestNewsOfAStream(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		news := newsOf(t, b)
		live := events.StreamLive{Stream: "cam", State: "live", Source: "test"}
		cam := publish(t, b, 30)
		wantNews(t, "before the first picture", news())
		cam.picture()
		wantNews(t, "with the first picture", news(), live)
		v, _ := watch(t, b, nil)
		cam.run(time.Second)
		wantNews(t, "watched", news())
		time.Sleep(5 * time.Second)
		wantNews(t, "in silence", news(), events.StreamAway{Stream: "cam", State: "stalled"})
		cam.picture()
		wantNews(t, "when it goes on", news(), live)
		cam.publisher.Close(nil)
		wantNews(t, "without a publisher", news(), events.StreamAway{Stream: "cam", State: "waiting"})
		v.Close(nil)
		cam = publish(t, b, 30)
		cam.picture()
		wantNews(t, "with another publisher", news(), live)
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		wantNews(t, "at the end", news(), events.StreamAway{Stream: "cam", State: "waiting"})
	})
}

// A stream with a fallback is live for as long as that is, and whose picture it shows is told.
func TestNewsOfAFallback(t *testing.T) {
	bubble(t, withSlate(), func(t *testing.T, b *broadcast.Broadcaster) {
		news := newsOf(t, b)
		cam := publish(t, b, 30)
		cam.picture()
		wantNews(t, "the stream", news(), events.StreamLive{Stream: "cam", State: "live", Source: "test"})
		slate := publishAs(t, b, "slate", h264, 30)
		slate.picture()
		wantNews(t, "the fallback's own", news(), events.StreamLive{Stream: "slate", State: "live", Source: "test"})
		v, _ := watch(t, b, nil)
		defer v.Close(nil)
		cam.publisher.Close(nil)
		wantNews(t, "the fallback", news(), events.StreamLive{Stream: "cam", State: "fallback", Source: "test", Fallback: "slate"})
		cam = publish(t, b, 30)
		cam.picture()
		wantNews(t, "back", news(), events.StreamLive{Stream: "cam", State: "live", Source: "test"})
	})
}

// What hurts viewers is told as it is logged: once for each code and publisher.
func TestNewsOfWarnings(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		news := newsOf(t, b)
		e := newPicky(t, b, h264)
		e.run(time.Minute, every(150))
		wantNews(t, "after a minute", news(), events.StreamLive{Stream: "cam", State: "live", Source: "whip"},
			events.StreamWarning{Stream: "cam", Code: "keyframe_interval"})
		e.run(25*time.Second, every(60))
		e.run(25*time.Second, every(150))
		wantNews(t, "again", news())
	})
}
