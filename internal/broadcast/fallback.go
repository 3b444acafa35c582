package broadcast

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"porthole/internal/codec"
)

// A stream whose publisher is away borrows the layers of another one, its
// fallback, and hands them to its own viewers:
//
//	publisher of "door" ─► layers ─╳─► stream "door" ─► viewers of "door"
//	publisher of "slate" ─► layers ─┴► (borrowed)
//
// Viewers notice by the layers alone, as they notice another publisher: they go on
// at a keyframe with their own numbers. Wake-ups of the lender reach the senders of
// its borrowers, requests for keyframes go to the lender's publisher, and a viewer
// of the borrower is one more who wants to see the lender. When the own publisher
// is back, viewers leave the fallback at its first keyframe and not before.

// EveryOther is the key in Config.Fallbacks of the streams that have no entry of
// their own.
const EveryOther = ""

// CheckFallbacks returns an error when a chain of fallbacks comes back to where it
// began. A fallback that nobody publishes is no fault: there is none to see then.
func CheckFallbacks(fallbacks map[string]string) error {
	for _, start := range slices.Sorted(maps.Keys(fallbacks)) {
		chain := []string{start}
		if start == EveryOther {
			chain[0] = fallbacks[start]
		}
		for next := fallbackOf(fallbacks, chain[0]); next != ""; next = fallbackOf(fallbacks, next) {
			again := slices.Contains(chain, next)
			chain = append(chain, next)
			if again {
				return fmt.Errorf("%w: %s", ErrFallbackCycle, strings.Join(chain, " → "))
			}
		}
	}
	return nil
}

// fallbackOf returns what is shown in place of a stream, "" for nothing.
func fallbackOf(fallbacks map[string]string, name string) string {
	if to, ok := fallbacks[name]; ok {
		return to
	}
	if to := fallbacks[EveryOther]; to != name {
		return to
	}
	return ""
}

// lenderLocked returns the first stream down the chain of fallbacks that can be
// watched, at once or when its source has woken up; nil when there is none, or when
// the stream's own source only has to wake up.
func (s *stream) lenderLocked() *stream {
	if len(s.standbyLocked()) > 0 {
		return nil
	}
	fallbacks := s.b.cfg.Fallbacks
	name := s.name
	for range len(fallbacks) + 1 { // more links than entries would be a cycle
		if name = fallbackOf(fallbacks, name); name == "" {
			return nil
		}
		if lender := s.b.streams[name]; lender != nil && lender != s && (lender.liveLocked() || len(lender.standbyLocked()) > 0) {
			return lender
		}
	}
	return nil
}

// arrangeLocked makes the stream's layers those that its viewers ought to see.
func (s *stream) arrangeLocked() {
	if len(s.b.cfg.Fallbacks) == 0 {
		return
	}
	var lender *stream
	if !s.beginsLocked() {
		lender = s.lenderLocked()
	}
	moved := s.borrowLocked(lender)
	switch {
	case lender != nil && lender.publisher != nil:
		moved = s.showLocked(lender.publisher) || moved
	case s.publisher != nil:
		moved = s.showLocked(s.publisher) || moved
	}
	if moved {
		s.refreshTurnsLocked()
		s.wake(true)
		s.changed()
	}
	if s.starving.Swap(false) && s.publisher == nil {
		s.beginGraceLocked()
	}
}

// beginsLocked says whether viewers may leave the fallback for the own publisher: it
// is live, or there is a picture to begin with and its sound will follow.
func (s *stream) beginsLocked() bool {
	return s.liveLocked() || s.publisher != nil &&
		slices.ContainsFunc(s.publisher.layers[codec.Video], func(l *Layer) bool { return l.keyframes.Load() > 0 })
}

// borrowLocked makes lender the one that the stream borrows from, nil for nobody,
// and says whether that is news. Viewers who are left with nothing get the grace time.
func (s *stream) borrowLocked(lender *stream) bool {
	old := s.lender
	if old == lender {
		return false
	}
	s.lender = lender
	if old != nil {
		delete(old.borrowers, s)
		old.refreshTurnsLocked()
	}
	if lender != nil {
		if lender.borrowers == nil {
			lender.borrowers = make(map[*stream]struct{})
		}
		lender.borrowers[s] = struct{}{}
		level := slog.LevelInfo
		if len(s.viewers) == 0 {
			level = slog.LevelDebug
		}
		s.b.log.Log(context.Background(), level, "showing the fallback", "stream", s.name, "fallback", lender.name, "viewers", len(s.viewers))
	} else if s.publisher == nil && s.waitersLocked() > 0 {
		s.endGraceLocked()
		s.beginGraceLocked()
	}
	return true
}

// showLocked hands p's layers to the stream's viewers, and says whether they had
// others. A kind that p does not have falls silent.
func (s *stream) showLocked(p *Publisher) (moved bool) {
	for kind := range s.layers {
		layers := p.layers[kind]
		shown := s.layers[kind].Load()
		switch {
		case len(layers) == 0 && p != s.publisher && shown != nil:
			s.layers[kind].Store(nil)
		case len(layers) > 0 && (shown == nil || !slices.Equal(*shown, layers)):
			s.layers[kind].Store(&layers)
		default:
			continue
		}
		moved = true
	}
	return moved
}

// refuses notes that the viewer cannot play the layer's codec. That ends it when the
// layer is its own stream's, and the player comes back with another offer; a fallback
// that it cannot play is as good as none, and the grace time begins.
func (v *Viewer) refuses(t *track) {
	if t.layer.publisher.stream == v.stream {
		v.end(ErrCodecChanged)
		return
	}
	t.refused = t.layer.publisher
	if t.layer.video || v.tracks[codec.Video] == nil {
		since := v.stream.b.clock.now()
		if last, ok := t.rewriter.LastSent(); ok {
			since = last
		}
		v.starved.Store(&starvation{by: t.refused, since: since})
		v.stream.starving.Store(true)
		v.stream.changed() // follow has the grace time begin
	}
}

// demandLocked is how many viewers want to see the stream, those of streams that
// borrow from it among them.
func (s *stream) demandLocked() int {
	n := s.wantersLocked()
	for borrower := range s.borrowers {
		n += borrower.wantersLocked()
	}
	return n
}
