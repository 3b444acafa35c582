package api

import (
	"errors"
	"net/http"
	"time"

	"porthole/internal/auth"
	"porthole/internal/events"
	"porthole/internal/problem"
	"porthole/internal/sessioninfo"
	"porthole/internal/sse"
)

// events serves the list of streams as server-sent events (WHATWG HTML, section
// 9.2): "event: streams" with a StreamList at once, and again whenever anything
// but the measured rates has changed, warnings among it. With ?sessions, and the publish token, there is
// also "event: sessions" with a SessionList, whenever that has changed, once a second
// at most.
func (a *API) events(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Has("sessions") {
		a.cfg.Auth.Require(auth.Publish, auth.AllStreams)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a.follow(w, r, a.cfg.Sessions.List)
		})).ServeHTTP(w, r)
		return
	}
	a.follow(w, r, nil)
}

// follow writes events until somebody leaves. list is of sessions, nil for none.
func (a *API) follow(w http.ResponseWriter, r *http.Request, list func() []sessioninfo.Brief) {
	if a.cfg.Follow != nil {
		leave, err := a.cfg.Follow(r)
		if err != nil {
			refuseEvents(w, err)
			return
		}
		defer leave()
	}
	stream, err := sse.Begin(w)
	if err != nil {
		problem.Write(w, http.StatusInternalServerError, "this connection cannot stream events")
		return
	}
	beat := time.NewTicker(sse.Heartbeat)
	defer beat.Stop()
	var look <-chan time.Time
	feed := sessionFeed{stream: stream, list: list}

	changes := a.cfg.Streams.Events().Listen(0, events.Changes) // before reading, so that no change is missed
	defer changes.Close()
	err = stream.Send("streams", a.streamList())
	if list != nil && err == nil {
		ticker := time.NewTicker(sessionsEvery)
		defer ticker.Stop()
		look = ticker.C
		err = feed.update()
	}
	for err == nil {
		select {
		case <-changes.Ready():
			if !a.pause(r, sse.Gap) {
				return
			}
			changes.Take() // what came meanwhile is told with it
			err = stream.Send("streams", a.streamList())
		case <-look:
			err = feed.update()
		case <-beat.C:
			err = stream.Beat()
		case <-a.closing:
			return
		case <-r.Context().Done():
			return
		}
	}
	// The client is gone: that is how most event streams end, and no news.
}

// refuseEvents says that there are too many event streams: of the client, or in all.
func refuseEvents(w http.ResponseWriter, err error) {
	status := http.StatusServiceUnavailable
	if errors.Is(err, sse.ErrClientFull) {
		status = http.StatusTooManyRequests
	}
	w.Header().Set("Retry-After", "10")
	problem.Write(w, status, err.Error())
}

// pause waits, and says whether there is still somebody to serve after that.
func (a *API) pause(r *http.Request, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-a.closing:
	case <-r.Context().Done():
	}
	return false
}
