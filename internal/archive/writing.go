package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// Writing is a file that is being written. Its methods may be called by any goroutine; the file is for one.
type Writing struct {
	*os.File

	archive  *Archive
	path     string
	duration atomic.Int64
}

// Create makes a new file of a stream that begins at a time. Who writes it tells with Grow how long it is, and
// calls Finish in the end. When there is one of that millisecond it takes the next one that is free.
func (a *Archive) Create(stream string, start time.Time, kind, format string) (*Writing, error) {
	dir := a.Dir(stream)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("make the directory of recordings: %w", err)
	}
	if kind != "" {
		kind = "." + kind
	}
	for {
		path := filepath.Join(dir, start.UTC().Format(Stamp)+kind+"."+format)
		w := &Writing{archive: a, path: path}
		a.hold(w) // before it is there, so that nobody takes it for a finished one
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o640)
		if err == nil {
			w.File = file
			return w, nil
		}
		w.release()
		if !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("begin a recording: %w", err)
		}
		start = start.Add(time.Millisecond)
	}
}

func (a *Archive) hold(w *Writing) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.writing[w.path] == nil {
		a.writing[w.path] = w
	}
}

// release makes it a file like any other.
func (w *Writing) release() {
	w.archive.mu.Lock()
	defer w.archive.mu.Unlock()
	if w.archive.writing[w.path] == w {
		delete(w.archive.writing, w.path)
	}
}

// Grow says how long the file is by now.
func (w *Writing) Grow(d time.Duration) { w.duration.Store(int64(d)) }

// Duration is what Grow said last.
func (w *Writing) Duration() time.Duration { return time.Duration(w.duration.Load()) }

// Finish closes the file.
func (w *Writing) Finish() error {
	defer w.release()
	if err := w.Close(); err != nil {
		return fmt.Errorf("finish a recording: %w", err)
	}
	return nil
}

// Discard closes and deletes it: there is nothing in it.
func (w *Writing) Discard() error {
	return errors.Join(w.Finish(), os.Remove(w.path))
}
