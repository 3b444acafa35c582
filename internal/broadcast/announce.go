package broadcast

import (
	"fmt"
	"slices"

	"porthole/internal/codec"
)

// Announcement keeps a stream of a source on this machine in being while nothing
// is published: while the device is away, or off because nobody watches. It says
// how the source is, and whether viewers may come and wait for it.
//
//	Announce ─► Tell (standby) ─► a viewer joins ─► Watched ─► Publish … Close ─► Tell (standby) ─► …
//
// An announcement does not hold the stream: others may publish there, which
// Taken tells the source.
type Announcement struct {
	life
	stream *stream
	source string

	// Guarded by stream.b.mu.
	status SourceStatus
}

// SourceStatus is how a source on this machine is.
type SourceStatus struct {
	// Text says it for people: "camera unplugged". "" while there is nothing to say.
	Text string
	// Standby is what the source will send once somebody watches, one codec of a
	// kind: viewers may join, and bring the source to work. Empty: they may not
	// while nothing is published.
	Standby []codec.Codec
}

// Announce makes a stream known whose source is on this machine; source is what
// PublisherConfig.Source will be. It returns ErrStreamBusy when the stream has an
// announcement, and ErrClosed after Close.
func (b *Broadcaster) Announce(name, source string) (*Announcement, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, ErrClosed
	}
	s := b.streams[name]
	if s == nil {
		s = newStream(b, name)
		b.streams[name] = s
	}
	if s.announced != nil {
		return nil, fmt.Errorf("announce %q: %w", name, ErrStreamBusy)
	}
	s.announced = &Announcement{life: newLife(), stream: s, source: source}
	s.changed()
	return s.announced, nil
}

// Tell says how the source is from now on.
func (a *Announcement) Tell(status SourceStatus) {
	b := a.stream.b
	b.mu.Lock()
	defer b.mu.Unlock()
	if a.status.Text == status.Text && slices.Equal(a.status.Standby, status.Standby) {
		return
	}
	a.status = status
	a.stream.changed()
}

// Watched says whether the stream has viewers, those that are connecting among
// them, and those of streams whose fallback it is. Broadcaster.Events tell when to ask again.
func (a *Announcement) Watched() bool {
	b := a.stream.b
	b.mu.Lock()
	defer b.mu.Unlock()
	return a.stream.demandLocked() > 0
}

// Taken says whether somebody publishes on the stream: the source itself, or
// another one that came first. Broadcaster.Events tell when to ask again.
func (a *Announcement) Taken() bool {
	b := a.stream.b
	b.mu.Lock()
	defer b.mu.Unlock()
	return a.stream.publisher != nil
}

// Close takes the announcement back. A second call does nothing.
func (a *Announcement) Close() {
	b := a.stream.b
	b.mu.Lock()
	defer b.mu.Unlock()
	a.end(nil)
	if a.stream.announced != a {
		return
	}
	a.stream.announced = nil
	a.stream.dropIfUnusedLocked()
	a.stream.changed()
}

// standbyLocked returns what a source that is off will send; nothing when there
// is none, or it cannot work now.
func (s *stream) standbyLocked() []codec.Codec {
	if s.announced == nil {
		return nil
	}
	return s.announced.status.Standby
}

// absentLocked is ErrNoPublisher, with what the source on this machine says of that.
func (s *stream) absentLocked() error {
	if s.announced == nil || s.announced.status.Text == "" {
		return ErrNoPublisher
	}
	return fmt.Errorf("%w: %s", ErrNoPublisher, s.announced.status.Text)
}

// codecsLocked returns what a viewer who joins now will get; nothing when there is
// nothing to join for.
func (s *stream) codecsLocked() (codecs []codec.Codec) {
	if !s.liveLocked() {
		if lender := s.lenderLocked(); lender != nil {
			return lender.codecsLocked()
		}
		return s.standbyLocked()
	}
	for _, kind := range slices.Concat(s.publisher.cfg.Kinds, s.publisher.cfg.Later) {
		if layers := s.publisher.layers[kind]; len(layers) > 0 {
			codecs = append(codecs, layers[0].Codec())
		}
	}
	return codecs
}

// State is what a stream has to offer.
type State uint8

// The states of a stream.
const (
	StateWaiting  State = iota // for a publisher, or for its first picture
	StateLive                  // a viewer who joins sees or hears something at once
	StateStandby               // its source is off, and goes on when a viewer joins
	StateFallback              // another stream is shown while the publisher is away
	StateStalled               // the publisher is there, and has sent nothing for a while
	states                     // how many there are
)

// String returns "waiting", "live", "standby", "fallback" or "stalled".
func (s State) String() string {
	return [states]string{"waiting", "live", "standby", "fallback", "stalled"}[s]
}

// stateLocked says what the stream has to offer.
func (s *stream) stateLocked() State {
	switch {
	case s.liveLocked() && s.publisher.stalled.Load():
		return StateStalled
	case s.liveLocked():
		return StateLive
	case len(s.standbyLocked()) > 0:
		return StateStandby
	}
	switch lender := s.lenderLocked(); {
	case lender == nil:
		return StateWaiting
	case lender.liveLocked():
		return StateFallback
	}
	return StateStandby
}
