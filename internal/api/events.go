package api

import (
	"net/http"
	"time"

	"porthole/internal/problem"
	"porthole/internal/sse"
)

// events serves the list of streams as server-sent events (WHATWG HTML, section
// 9.2): "event: streams" with a StreamList at once, and again whenever anything
// but the measured rates has changed.
func (a *API) events(w http.ResponseWriter, r *http.Request) {
	stream, err := sse.Begin(w)
	if err != nil {
		problem.Write(w, http.StatusInternalServerError, "this connection cannot stream events")
		return
	}
	beat := time.NewTicker(sse.Heartbeat)
	defer beat.Stop()

	changed := a.cfg.Streams.Changed() // taken before reading, so that no change is missed
	err = stream.Send("streams", newStreamList(a.cfg.Streams.Streams()))
	for err == nil {
		select {
		case <-changed:
			if !a.pause(r, sse.Gap) {
				return
			}
			changed = a.cfg.Streams.Changed()
			err = stream.Send("streams", newStreamList(a.cfg.Streams.Streams()))
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
