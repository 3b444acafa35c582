package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"porthole/internal/problem"
)

const (
	// eventGap is the least time between two events: a hundred viewers who join
	// in the same second are a few events, not a hundred.
	eventGap = 200 * time.Millisecond
	// heartbeat keeps proxies from closing a silent connection, and finds out
	// when the client has gone without saying so.
	heartbeat = 15 * time.Second
	// eventWrite bounds one write to a client that reads no more.
	eventWrite = 10 * time.Second
)

// events serves the list of streams as server-sent events (WHATWG HTML, section
// 9.2): "event: streams" with a StreamList at once, and again whenever anything
// but the measured rates has changed.
func (a *API) events(w http.ResponseWriter, r *http.Request) {
	stream := eventStream{w: w, control: http.NewResponseController(w)}
	if err := stream.begin(); err != nil {
		problem.Write(w, http.StatusInternalServerError, "this connection cannot stream events")
		return
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()

	changed := a.cfg.Streams.Changed() // taken before reading, so that no change is missed
	err := stream.send(newStreamList(a.cfg.Streams.Streams()))
	for err == nil {
		select {
		case <-changed:
			if !a.pause(r, eventGap) {
				return
			}
			changed = a.cfg.Streams.Changed()
			err = stream.send(newStreamList(a.cfg.Streams.Streams()))
		case <-beat.C:
			err = stream.write(": still here\n\n")
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

// eventStream writes to one client.
type eventStream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// begin sends the header.
func (s eventStream) begin() error {
	h := s.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // or nginx collects events until its buffer is full
	// The server's ReadTimeout is for requests, and this one has been read: nothing
	// more is to come from the client, however long it stays.
	if err := s.control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("clear deadline: %w", err)
	}
	if err := s.control.Flush(); err != nil {
		return fmt.Errorf("flush the header: %w", err)
	}
	return nil
}

// send writes one event of type "streams".
func (s eventStream) send(list StreamList) error {
	data, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("marshal event: %w", err)
	}
	return s.write("event: streams\ndata: " + string(data) + "\n\n")
}

// write sends text at once. Its deadline replaces the server's WriteTimeout,
// which counts from the request's begin and would end the stream.
func (s eventStream) write(text string) error {
	err := s.control.SetWriteDeadline(time.Now().Add(eventWrite))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("set deadline: %w", err)
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	if err := s.control.Flush(); err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	return nil
}
