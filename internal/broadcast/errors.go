package broadcast

import (
	"errors"

	"porthole/internal/broadcast/report"
	"porthole/internal/refusal"
)

var (
	// ErrNoPublisher is returned by Join when nobody publishes on the stream, or
	// somebody does but no picture or sound has come yet. It passes: try again.
	ErrNoPublisher = refusal.Absent.New("nobody is publishing on this stream")
	// ErrStreamBusy is returned by Publish when the stream has a publisher.
	ErrStreamBusy = refusal.Busy.New("the stream already has a publisher")
	// ErrReplaced ends a publisher whose stream another one with the same
	// PublisherConfig.Key has taken over.
	ErrReplaced = errors.New("the same publisher has connected again")
	// ErrTooManyViewers is returned by Join when every viewer place is taken.
	ErrTooManyViewers = refusal.Full.New("this stream is full")
	// ErrClosed is the end of everything that was alive when the Broadcaster closed.
	ErrClosed = refusal.Stopping.New("the server is stopping")
	// ErrPublisherGone ends viewers whose publisher did not come back within the grace time.
	ErrPublisherGone = errors.New("the publisher has left and did not come back")
	// ErrCodecChanged ends viewers that cannot play what a new publisher sends.
	ErrCodecChanged = refusal.Outdated.New("the new publisher sends a codec that this viewer did not agree to")
	// ErrTrackAdded ends viewers who get a track that has come only with a new session.
	ErrTrackAdded = refusal.Outdated.New("the stream has a new track, which a new session gets")
	// ErrCongested ends viewers to whom the network carries so little of what is sent
	// that sending harms others (RFC 8083 section 4.3).
	ErrCongested = report.ErrCongested
	// ErrNothingArrives ends viewers who report, but receive nothing (RFC 8083
	// section 4.1).
	ErrNothingArrives = report.ErrNothingArrives
	// ErrFallbackCycle is returned by CheckFallbacks.
	ErrFallbackCycle = errors.New("the fallbacks form a cycle")
	// ErrStarted is returned by a second Viewer.Start.
	ErrStarted = errors.New("the viewer was started before")
	// ErrKindNotDeclared is returned by AddLayer for a kind that the publisher did not announce.
	ErrKindNotDeclared = errors.New("the publisher did not announce a track of this kind")
	// ErrSinkFull is returned by a Sink whose buffer is full. The packet was not
	// taken; the viewer falls behind and catches up by itself.
	ErrSinkFull = errors.New("the viewer's send buffer is full")
	// ErrPanic ends a viewer whose sink panicked.
	ErrPanic = errors.New("panic while serving the viewer")
)
