package server

import (
	"context"

	"porthole/internal/broadcast"
	"porthole/internal/events"
)

// AwaitSources waits until each source of this machine can be watched, or until ctx ends: one that is broken has no end of waiting.
func (s *Server) AwaitSources(ctx context.Context) {
	changes := s.core.Broadcaster.Events().Listen(0, events.Changes)
	defer changes.Close()
	for !s.sourcesReady() {
		select {
		case <-changes.Ready():
		case <-ctx.Done():
			return
		}
	}
}

func (s *Server) sourcesReady() bool {
	for _, source := range s.sources {
		info, ok := s.core.Broadcaster.Stream(source.Name)
		if !ok || info.State == broadcast.StateWaiting {
			return false
		}
	}
	return true
}
