package session

import (
	"context"
	"sync"

	"porthole/capture/media"
)

// mailbox hands raw pictures from the goroutine that reads them to the one that encodes them, so that decoding a JPEG
// and encoding run side by side. It keeps only the newest: an encoder that is too slow loses pictures, and never
// delays them. Every raw picture of a source passes through here, each exactly once.
type mailbox struct {
	ready chan struct{} // capacity 1: a picture waits

	mu      sync.Mutex
	waiting *media.Picture
	spare   []*media.Picture
	dropped uint64 // pictures overwritten unseen
}

func newMailbox() *mailbox { return &mailbox{ready: make(chan struct{}, 1)} }

// blank returns a frame to fill: a used one where there is one.
func (m *mailbox) blank() *media.Picture {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := len(m.spare); n > 0 {
		f := m.spare[n-1]
		m.spare = m.spare[:n-1]
		return f
	}
	return new(media.Picture)
}

// put offers a picture, which belongs to the mailbox from here on.
func (m *mailbox) put(f *media.Picture) {
	m.mu.Lock()
	if m.waiting != nil {
		m.spare = append(m.spare, m.waiting)
		m.dropped++
	}
	m.waiting = f
	m.mu.Unlock()
	select {
	case m.ready <- struct{}{}:
	default:
	}
}

// take waits for the next picture. The caller gives it back with release. The error is ctx's cause.
func (m *mailbox) take(ctx context.Context) (*media.Picture, error) {
	for {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-m.ready:
		}
		m.mu.Lock()
		f := m.waiting
		m.waiting = nil
		m.mu.Unlock()
		if f != nil {
			return f, nil
		}
	}
}

func (m *mailbox) release(f *media.Picture) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.spare = append(m.spare, f)
}

// drops is the number of pictures that were overwritten before the encoder took them.
func (m *mailbox) drops() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dropped
}
