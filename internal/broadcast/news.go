package broadcast

import (
	"context"
	"maps"

	"porthole/internal/events"
)

// changed tells whoever listens that something of the stream is another now. It waits for
// nobody, and may be called on the media path, with locks held or without.
func (s *stream) changed() { s.b.cfg.Events.Publish(events.StreamChanged{Stream: s.name}) }

// follow does what a change asks for: it lets streams borrow and give back, and tells which
// of them go live and away. It is a goroutine of its own because the change that matters
// most, a first keyframe, is noticed by a publisher, who must not wait for anybody.
func (b *Broadcaster) follow(ctx context.Context, changes *events.Listener) {
	defer changes.Close()
	told := make(map[string]events.StreamLive)
	for {
		b.mu.Lock()
		for _, s := range b.streams {
			s.arrangeLocked()
		}
		news := b.newsLocked(told)
		b.mu.Unlock()
		for _, n := range news {
			b.cfg.Events.Publish(n)
		}
		select {
		case <-changes.Ready():
		case <-ctx.Done(): // nothing is live any more
			for name := range told {
				b.cfg.Events.Publish(events.StreamAway{Stream: name, State: StateWaiting.String()})
			}
			return
		}
	}
}

// newsLocked compares the streams that are live with those that were told to be, which it
// brings up to date.
func (b *Broadcaster) newsLocked(told map[string]events.StreamLive) (news []events.Data) {
	for _, s := range b.streams {
		live, ok := s.showingLocked()
		if last, was := told[s.name]; ok && (!was || last != live) {
			told[s.name] = live
			news = append(news, live)
		}
	}
	maps.DeleteFunc(told, func(name string, _ events.StreamLive) bool {
		state := StateWaiting
		if s := b.streams[name]; s != nil {
			if _, ok := s.showingLocked(); ok {
				return false
			}
			state = s.stateLocked()
		}
		news = append(news, events.StreamAway{Stream: name, State: state.String()})
		return true
	})
	return news
}

// showingLocked says what a viewer who joins now gets, if that is anything.
func (s *stream) showingLocked() (live events.StreamLive, ok bool) {
	state := s.stateLocked()
	live = events.StreamLive{Stream: s.name, State: state.String()}
	switch state {
	case StateLive:
		live.Source = s.publisher.cfg.Source
		return live, true
	case StateFallback:
		lender := s.lenderLocked()
		live.Source, live.Fallback = lender.publisher.cfg.Source, lender.name
		return live, true
	default:
		return events.StreamLive{}, false
	}
}
