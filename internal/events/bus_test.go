package events_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"porthole/internal/events"
)

// names returns the streams that the events are about.
func names(t *testing.T, list []events.Event) (streams []string) {
	t.Helper()
	for _, e := range list {
		changed, ok := e.Data.(events.StreamChanged)
		if !ok || e.Name != "stream.changed" {
			t.Errorf("got %+v", e)
		}
		streams = append(streams, changed.Stream)
	}
	return streams
}

func isReady(l *events.Listener) bool {
	select {
	case <-l.Ready():
		return true
	default:
		return false
	}
}

// Events are taken in their order; of too many, the newest are left and the others counted.
func TestSlowListenerIsToldThatItMissedSome(t *testing.T) {
	bus := events.NewBus()
	l := bus.Listen(3, nil)
	defer l.Close()
	if isReady(l) {
		t.Error("ready before anything has happened")
	}
	for round := range 3 {
		for i := range 5 {
			bus.Publish(events.StreamChanged{Stream: fmt.Sprint(i)})
		}
		list, missed := l.Take()
		if got := fmt.Sprint(names(t, list)); got != "[2 3 4]" || missed != 2 {
			t.Errorf("round %d: took %s and missed %d", round, got, missed)
		}
		bus.Publish(events.StreamChanged{Stream: "one"})
		if !isReady(l) {
			t.Errorf("round %d: not ready", round)
		}
		if list, missed = l.Take(); len(list) != 1 || missed != 0 {
			t.Errorf("round %d: then took %v and missed %d", round, list, missed)
		}
		if list, missed = l.Take(); len(list) != 0 || missed != 0 || isReady(l) {
			t.Errorf("round %d: took %v twice, missed %d", round, list, missed)
		}
	}
}

// Who only wants to be woken keeps nothing, and is woken once for all that has happened.
func TestListenerWithoutQueue(t *testing.T) {
	bus := events.NewBus()
	l := bus.Listen(0, events.Changes)
	defer l.Close()
	bus.Publish(events.StreamLive{Stream: "cam"})
	bus.Publish(events.SessionState{Session: "x"})
	if isReady(l) {
		t.Error("woken by what it does not want")
	}
	for range 3 {
		bus.Publish(events.StreamChanged{Stream: "cam"})
	}
	if !isReady(l) || isReady(l) {
		t.Error("want it ready once")
	}
	if list, missed := l.Take(); len(list) != 0 || missed != 3 {
		t.Errorf("took %v, missed %d", list, missed)
	}
	l.Close()
	bus.Publish(events.StreamChanged{Stream: "cam"})
	if isReady(l) {
		t.Error("woken after Close")
	}
}

// Whoever waits learns of each change, and nobody who publishes waits for it.
func TestEveryChangeIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := events.NewBus()
		var mu sync.Mutex
		state := 0
		l, idle := bus.Listen(0, nil), bus.Listen(1, nil) // idle never takes anything
		defer l.Close()
		defer idle.Close()
		var publishers sync.WaitGroup
		for range 10 {
			publishers.Go(func() {
				for range 100 {
					mu.Lock()
					state++
					bus.Publish(events.StreamChanged{Stream: "cam"})
					mu.Unlock()
				}
			})
		}
		seen := 0
		for seen < 1000 {
			<-l.Ready() // a change without a wake-up would be a deadlock, which synctest tells
			mu.Lock()
			seen = state
			mu.Unlock()
		}
		publishers.Wait()
	})
}

func TestEventsAsJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := events.NewBus()
		l := bus.Listen(10, nil)
		defer l.Close()
		for _, d := range []events.Data{
			events.StreamChanged{Stream: "cam"},
			events.StreamLive{Stream: "cam", State: "live", Source: "whip"},
			events.StreamAway{Stream: "cam", State: "waiting"},
			events.StreamWarning{Stream: "cam", Code: "b_frames"},
			events.SessionOpened{Session: "s", Protocol: "whip", Stream: "cam", Client: "192.0.2.1"},
			events.SessionState{Session: "s", State: "connected"},
			events.SessionEnded{Session: "s", Protocol: "whip", Stream: "cam", Reason: "gone", Code: "ok"},
		} {
			bus.Publish(d)
		}
		at, err := json.Marshal(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		want := []string{
			`"stream.changed","data":{"stream":"cam"}}`,
			`"stream.live","data":{"stream":"cam","state":"live","source":"whip"}}`,
			`"stream.away","data":{"stream":"cam","state":"waiting"}}`,
			`"stream.warning","data":{"stream":"cam","code":"b_frames"}}`,
			`"session.opened","data":{"session":"s","protocol":"whip","stream":"cam","client":"192.0.2.1"}}`,
			`"session.state","data":{"session":"s","state":"connected"}}`,
			`"session.ended","data":{"session":"s","protocol":"whip","stream":"cam","reason":"gone","code":"ok"}}`,
		}
		list, _ := l.Take()
		for i, e := range list {
			got, err := json.Marshal(e)
			if err != nil || string(got) != `{"at":`+string(at)+`,"event":`+want[i] {
				t.Errorf("%s, %v", got, err)
			}
		}
		if len(list) != len(want) {
			t.Errorf("%d events", len(list))
		}
	})
}

// Without a bus there is no news, and no harm.
func TestNoBus(t *testing.T) {
	var bus *events.Bus
	bus.Publish(events.StreamChanged{Stream: "cam"})
	l := bus.Listen(1, nil)
	if list, missed := l.Take(); list != nil || missed != 0 || isReady(l) {
		t.Error("something came from nowhere")
	}
	l.Close()
}

// What a change costs who tells it, with a thousand who want to be woken.
func BenchmarkPublish(b *testing.B) {
	bus := events.NewBus()
	for range 1000 {
		l := bus.Listen(0, events.Changes)
		defer l.Close()
	}
	b.ReportAllocs()
	for b.Loop() {
		bus.Publish(events.StreamChanged{Stream: "cam"})
	}
}
