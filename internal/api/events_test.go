package api_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"

	"porthole/internal/api"
	"porthole/internal/auth"
	"porthole/internal/broadcast"
	"porthole/internal/events"
	"porthole/internal/sessioninfo"
)

// fakeStreams is a broadcaster that changes when the test says so.
type fakeStreams struct {
	mu      sync.Mutex // guards what follows
	list    []broadcast.StreamInfo
	totals  broadcast.Counters
	viewers int
	bus     *events.Bus // made when it is asked for
}

func (f *fakeStreams) Streams() []broadcast.StreamInfo {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.list)
}

func (f *fakeStreams) Stream(name string) (broadcast.StreamInfo, bool) {
	for _, s := range f.Streams() {
		if s.Name == name {
			return s, true
		}
	}
	return broadcast.StreamInfo{}, false
}

func (f *fakeStreams) Totals() (broadcast.Counters, int) { return f.totals, f.viewers }

func (f *fakeStreams) Paths() map[broadcast.PathKind]int {
	return map[broadcast.PathKind]int{broadcast.PathFree: 1, broadcast.PathNarrow: 2}
}

func (f *fakeStreams) Events() *events.Bus {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.bus == nil {
		f.bus = events.NewBus()
	}
	return f.bus
}

func (f *fakeStreams) set(list ...broadcast.StreamInfo) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = list
	f.bus.Publish(events.StreamChanged{Stream: "any"})
}

// eventLog is a response that keeps what was flushed, and when.
type eventLog struct {
	*httptest.ResponseRecorder
	begin time.Time
	mu    sync.Mutex // guards what follows
	lines []string   // "200ms event: streams"
}

func (l *eventLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first, _, _ := strings.Cut(string(b), "\n")
	l.lines = append(l.lines, time.Since(l.begin).String()+" "+first)
	return l.ResponseRecorder.Write(b)
}

func (l *eventLog) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lines)
}

// follow opens an event stream inside a synctest bubble and returns its log and
// what ends it from the client's side.
func follow(t *testing.T, h http.Handler) (log *eventLog, leave context.CancelFunc, done <-chan struct{}) {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	log = &eventLog{ResponseRecorder: httptest.NewRecorder(), begin: time.Now()}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h.ServeHTTP(log, httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/events?token="+viewToken, nil))
	}()
	synctest.Wait()
	return log, leave, ended
}

func TestEventsComeAtOnceAndOnChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streams := &fakeStreams{}
		h, _ := newHandler(t, streams)
		log, leave, done := follow(t, h)
		time.Sleep(time.Second)
		streams.set(webcam())
		time.Sleep(time.Second)
		leave()
		<-done

		want := []string{"0s event: streams", "1.2s event: streams"}
		if got := log.take(); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		body := log.Body.String()
		if !strings.HasPrefix(body, "event: streams\ndata: {\"streams\":[],\"publishToken\":true}\n\n") || !strings.Contains(body, `"name":"webcam"`) {
			t.Errorf("got %q", body)
		}
		if got := log.Header().Get("Content-Type"); got != "text/event-stream" {
			t.Errorf("content type %q", got)
		}
	})
}

// The list of sessions is looked at once a second and told when it is another one.
func TestEventsOfSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin, streams := time.Now(), &fakeStreams{}
		a := api.New(api.Config{
			Streams: streams, Auth: auth.New(auth.Config{PublishToken: publishToken}),
			// Another list from 2.5 s on.
			Sessions: fakeSessions(func() []sessioninfo.Brief {
				if time.Since(begin) > 2500*time.Millisecond {
					return []sessioninfo.Brief{{ID: "late"}}
				}
				return []sessioninfo.Brief{}
			}),
			Gatherer: prometheus.NewRegistry(),
		})
		r := chi.NewRouter()
		a.Routes(r)
		ctx, leave := context.WithCancel(t.Context())
		log := &eventLog{ResponseRecorder: httptest.NewRecorder(), begin: begin}
		done := make(chan struct{})
		go func() {
			defer close(done)
			r.ServeHTTP(log, httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/events?sessions&token="+publishToken, nil))
		}()
		time.Sleep(5500 * time.Millisecond)
		leave()
		<-done
		want := []string{"0s event: streams", "0s event: sessions", "3s event: sessions"}
		if got := log.take(); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if !strings.Contains(log.Body.String(), `data: {"sessions":[{"id":"late",`) {
			t.Errorf("got %q", log.Body.String())
		}
	})
}

func TestEventsAreFewWhenChangesAreMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streams := &fakeStreams{}
		h, _ := newHandler(t, streams)
		log, leave, done := follow(t, h)
		for range 100 {
			time.Sleep(10 * time.Millisecond)
			streams.set(webcam())
			synctest.Wait()
		}
		streams.set() // the last change must be told, whatever came before
		time.Sleep(time.Second)
		leave()
		<-done

		if got := len(log.take()); got > 8 {
			t.Errorf("got %d events in a second of changes, want at most 5 a second and the first and last", got)
		}
		if !strings.HasSuffix(log.Body.String(), "data: {\"streams\":[],\"publishToken\":true}\n\n") {
			t.Errorf("the last event does not show the last state: %q", log.Body.String())
		}
	})
}

func TestEventsHaveAHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newHandler(t, &fakeStreams{})
		log, leave, done := follow(t, h)
		time.Sleep(31 * time.Second)
		leave()
		<-done
		want := []string{"0s event: streams", "15s : still here", "30s : still here"}
		if got := log.take(); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestCloseEndsEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, a := newHandler(t, &fakeStreams{})
		_, leave, done := follow(t, h)
		defer leave()
		a.Close()
		select {
		case <-done:
		case <-time.After(time.Second):
			t.Error("the event stream goes on after Close")
		}
	})
}

// An event stream outlives the timeouts of the server that it runs on.
func TestEventsOutliveServerTimeouts(t *testing.T) {
	streams := &fakeStreams{}
	h, a := newHandler(t, streams)
	server := httptest.NewUnstartedServer(h)
	server.Config.ReadTimeout = 100 * time.Millisecond
	server.Config.WriteTimeout = 100 * time.Millisecond
	server.Start()
	defer server.Close()
	defer a.Close()

	res, err := server.Client().Get(server.URL + "/api/events?token=" + viewToken)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for i, timer := 0, time.NewTimer(300*time.Millisecond); i < 2; {
		if !lines.Scan() {
			t.Fatalf("the stream ended after %d events: %v", i, lines.Err())
		}
		if strings.HasPrefix(lines.Text(), "data: ") {
			if i++; i == 1 {
				<-timer.C // both timeouts have passed now
				streams.set(webcam())
			}
		}
	}
}
