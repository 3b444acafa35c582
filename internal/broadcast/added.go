package broadcast

import (
	"slices"
	"time"

	"porthole/internal/codec"
)

// A kind that the stream does not have when a viewer joins may come later: sound after
// a silent fallback, a picture after sound. Where the codec was foreseen, the viewer has
// a track that begins then (TrackConfig.Foreseen). Else its session is ended, and its
// player comes back at once and gets both.

// leaveFor ends the viewer when layers of a kind that it has no track for are there,
// and a new session would get them.
func (v *Viewer) leaveFor(layers []*Layer) {
	l := layers[0]
	kind := l.cfg.Codec.Kind()
	if v.wants == nil || v.judged[kind] == l || l.publisher.ended() {
		return
	}
	if !slices.ContainsFunc(layers, (*Layer).begun) || !v.stream.shows(l.publisher) {
		return
	}
	v.judged[kind] = l
	if v.wants(l.Codec()) {
		v.end(ErrTrackAdded)
	}
}

// begun says whether a viewer can begin with the layer.
func (l *Layer) begun() bool { return !l.video || l.keyframes.Load() > 0 }

// shows says whether a viewer who joins now gets all that p has, as liveLocked does but
// without the lock: who left before would be told to wait, or get the same again.
func (s *stream) shows(p *Publisher) bool {
	if time.Since(p.began) > settle {
		return true
	}
	return !slices.ContainsFunc(p.cfg.Kinds, func(kind codec.Kind) bool {
		layers := s.layers[kind].Load()
		return layers == nil || (*layers)[0].publisher != p || !slices.ContainsFunc(*layers, (*Layer).begun)
	})
}
