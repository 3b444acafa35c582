// Package backlog puts a bounded queue between who logs and what takes the log.
// A terminal on which somebody pressed Ctrl-S, or a pipe that nobody reads, holds up
// whoever writes to it; a server must not wait for its log.
package backlog

import (
	"io"
	"sync"
	"time"
)

// DefaultLimit is how many bytes wait in a Writer at most.
const DefaultLimit = 256 << 10

// Config describes a Writer.
type Config struct {
	Out io.Writer // which may block, and may fail
	// Limit is how many bytes wait for Out at most, besides as many that are being
	// written. Default DefaultLimit.
	Limit int
	// Note makes the record that stands where n records are missing, which Out gets
	// when it takes some again. nil: nothing tells of them.
	Note func(n uint64) []byte
}

// Writer hands what it is given to another writer without ever waiting for it. What
// does not fit is dropped and counted, the newest first. It is safe for concurrent use.
type Writer struct {
	cfg  Config
	wake chan struct{} // one slot; closed by Close
	done chan struct{} // closed when everything is written

	mu      sync.Mutex
	queue   []byte // guarded by mu
	records uint64 // in queue; guarded by mu
	missing uint64 // dropped since the last note; guarded by mu
	dropped uint64 // in all; guarded by mu
	closed  bool   // guarded by mu
}

// New starts a Writer, which Close ends.
func New(cfg Config) *Writer {
	if cfg.Limit <= 0 {
		cfg.Limit = DefaultLimit
	}
	w := &Writer{cfg: cfg, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go w.run()
	return w
}

// Write takes one record, whole or not at all. It does not block, and returns no
// error: who logs cannot help it.
func (w *Writer) Write(record []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || len(w.queue)+len(record) > w.cfg.Limit {
		w.missing++
		w.dropped++
		return len(record), nil
	}
	w.queue = append(w.queue, record...)
	w.records++
	select {
	case w.wake <- struct{}{}:
	default: // it is awake
	}
	return len(record), nil
}

// Dropped returns how many records never reached the writer behind.
func (w *Writer) Dropped() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dropped
}

// Close has the rest written, for as long as within. It says whether that was long
// enough; if it was not, a goroutine stays until the writer behind gives in.
func (w *Writer) Close(within time.Duration) bool {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.wake)
	}
	w.mu.Unlock()
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-w.done:
		return true
	case <-timer.C:
		return false
	}
}

// run writes what was queued, until Close.
func (w *Writer) run() {
	defer close(w.done)
	var batch []byte
	for open := true; open; {
		_, open = <-w.wake
		batch = w.flush(batch)
	}
}

// flush writes until the queue is empty. It works with two buffers, which change
// places, and returns the one that is free.
func (w *Writer) flush(free []byte) []byte {
	for {
		w.mu.Lock()
		batch, records, missing := w.queue, w.records, w.missing
		w.queue, w.records, w.missing = free[:0], 0, 0
		w.mu.Unlock()
		if len(batch) == 0 && missing == 0 {
			return batch
		}
		if missing > 0 && w.cfg.Note != nil { // they came when the batch was full
			batch = append(batch, w.cfg.Note(missing)...)
		}
		if _, err := w.cfg.Out.Write(batch); err != nil {
			w.mu.Lock()
			w.dropped += records
			w.mu.Unlock()
		}
		free = batch
	}
}
