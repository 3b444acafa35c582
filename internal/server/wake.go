package server

import (
	"context"
	"errors"
	"fmt"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
	"porthole/internal/events"
)

var errStaysOff = errors.New("the source cannot begin now")

// wake has the source of a stream work, as a viewer does, until release is called. It
// returns when the stream shows something; of one that nobody has to be woken for, at once.
func (s *Server) wake(ctx context.Context, name string) (release func(), err error) {
	changes := s.core.Broadcaster.Events().Listen(0, events.Changes)
	defer changes.Close()
	reader, err := s.core.Broadcaster.Read(name, broadcast.ReaderConfig{Kinds: []codec.Kind{codec.Video}, Fallback: true})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			reader.Close()
		}
	}()
	for {
		switch info, ok := s.core.Broadcaster.Stream(name); {
		case ok && info.Live:
			return func() { reader.Close() }, nil
		case !ok || info.State != broadcast.StateStandby:
			return nil, fmt.Errorf("%w: %s", errStaysOff, info.SourceState)
		}
		select {
		case <-changes.Ready():
		case <-reader.Done():
			return nil, reader.Err()
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
