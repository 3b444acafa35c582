// Package sse writes server-sent events (WHATWG HTML, section 9.2) to one client.
//
// It owns the form of the stream and the deadlines of the connection under it. What
// is sent, when, and until when is decided by the handler that has the [Stream].
package sse

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

const (
	// Heartbeat is how often a stream that is silent should say that it lives: it
	// keeps proxies from closing the connection, and finds out when the client has
	// gone without saying so.
	Heartbeat = 15 * time.Second
	// Gap is the least time that should pass between two events about the same
	// thing: a hundred changes in the same second are a few events, not a hundred.
	Gap = 200 * time.Millisecond

	// writeWithin bounds one write to a client that reads no more.
	writeWithin = 10 * time.Second
)

// Stream writes to one client. It belongs to the goroutine of the request.
type Stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// Begin sends the header of a stream. After an error nothing has been sent, and
// the handler may still answer something else: the connection cannot stream.
func Begin(w http.ResponseWriter) (Stream, error) {
	s := Stream{w: w, control: http.NewResponseController(w)}
	// The server's ReadTimeout is for requests, and this one has been read: nothing
	// more is to come from the client, however long it stays.
	if err := s.control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return Stream{}, fmt.Errorf("clear deadline: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // or nginx collects events until its buffer is full
	if err := s.control.Flush(); err != nil {
		return Stream{}, fmt.Errorf("flush the header: %w", err)
	}
	return s, nil
}

// Send writes one event at once, with value as JSON in one data line. An error
// says that the client is gone, or that value cannot be marshalled.
func (s Stream) Send(event string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("marshal event: %w", err)
	}
	return s.write("event: " + event + "\ndata: " + string(data) + "\n\n")
}

// Beat writes what clients ignore; see Heartbeat.
func (s Stream) Beat() error { return s.write(": still here\n\n") }

// write sends text at once. Its deadline replaces the server's WriteTimeout,
// which counts from the request's begin and would end the stream.
func (s Stream) write(text string) error {
	err := s.control.SetWriteDeadline(time.Now().Add(writeWithin))
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
