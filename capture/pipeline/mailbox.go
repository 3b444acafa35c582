package pipeline

import (
	"context"
	"sync"

	"porthole/capture/media"
)

// exchange hands raw pictures from the goroutine that reads them to those that encode them, so that decoding a JPEG
// and encoding run side by side. Every raw picture of a source passes through here, each exactly once, and is shared by all
// mailboxes: whoever takes it must not write to it.
type exchange struct {
	mu    sync.Mutex
	boxes []*mailbox // set before the first picture
	spare []*sharedPicture
}

// sharedPicture is a picture of an exchange.
type sharedPicture struct {
	media.Picture
	holders int // mailboxes that it waits in, or was taken from; guarded by the exchange's mu
}

// none says that it stands for no picture: none will come for a while.
func (f *sharedPicture) none() bool { return f.Width == 0 }

// mailbox keeps only the newest picture for its encoder: one that is too slow loses pictures, and delays neither those that it
// gets nor other encoders.
type mailbox struct {
	exchange *exchange
	ready    chan struct{} // capacity 1: a picture waits

	waiting *sharedPicture // this, and dropped, guarded by the exchange's mu
	dropped uint64         // pictures overwritten unseen
}

// mailbox adds one.
func (e *exchange) mailbox() *mailbox {
	m := &mailbox{exchange: e, ready: make(chan struct{}, 1)}
	e.boxes = append(e.boxes, m)
	return m
}

// blank returns a picture to fill: a used one where there is one.
func (e *exchange) blank() *sharedPicture {
	e.mu.Lock()
	defer e.mu.Unlock()
	if n := len(e.spare); n > 0 {
		f := e.spare[n-1]
		e.spare = e.spare[:n-1]
		return f
	}
	return new(sharedPicture)
}

// put offers a picture, which belongs to the exchange from here on, to every mailbox.
func (e *exchange) put(f *sharedPicture) {
	e.mu.Lock()
	f.holders = len(e.boxes)
	for _, m := range e.boxes {
		if m.waiting != nil {
			e.drop(m.waiting)
			m.dropped++
		}
		m.waiting = f
	}
	e.mu.Unlock()
	for _, m := range e.boxes {
		select {
		case m.ready <- struct{}{}:
		default:
		}
	}
}

// drop gives a picture back for one holder. The caller holds mu.
func (e *exchange) drop(f *sharedPicture) {
	if f.holders--; f.holders == 0 {
		e.spare = append(e.spare, f)
	}
}

// take waits for the next picture. The caller gives it back with release. The error is ctx's cause.
func (m *mailbox) take(ctx context.Context) (*sharedPicture, error) {
	for {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-m.ready:
		}
		m.exchange.mu.Lock()
		f := m.waiting
		m.waiting = nil
		m.exchange.mu.Unlock()
		if f != nil {
			return f, nil
		}
	}
}

func (m *mailbox) release(f *sharedPicture) {
	m.exchange.mu.Lock()
	defer m.exchange.mu.Unlock()
	m.exchange.drop(f)
}

// discard takes a picture and gives it back.
func (m *mailbox) discard(ctx context.Context) error {
	f, err := m.take(ctx)
	if err != nil {
		return err
	}
	m.release(f)
	return nil
}

// drops is the number of pictures that were overwritten before the encoder took them.
func (m *mailbox) drops() uint64 {
	m.exchange.mu.Lock()
	defer m.exchange.mu.Unlock()
	return m.dropped
}
