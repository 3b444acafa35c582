package broadcast

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"porthole/internal/broadcast/ring"
	"porthole/internal/codec"
)

// ErrNoKeyframe is returned by Broadcaster.Keyframe when a stream has no picture
// that stands alone: it is sound only, its first keyframe is on its way, or the
// newest one was lost in part. It passes: try again.
var ErrNoKeyframe = errors.New("no whole keyframe of this stream is here yet")

const (
	// keyframePackets is the largest keyframe that is handed out, about 1.2 MB.
	keyframePackets = 1024
	// keyframeStale is how old a keyframe may be before a reader of it has the
	// publisher asked for a new one, for the next reader.
	keyframeStale = 10 * time.Second
)

// Keyframe is one picture of a stream that can be decoded by itself.
type Keyframe struct {
	Codec codec.Codec
	// Payloads are its RTP payloads in their order. They belong to the ring and
	// must not be changed; they stay valid for as long as they are kept.
	Payloads [][]byte
	At       time.Time // when its first packet came
}

// Keyframe returns the newest keyframe of a stream, of its layer with the highest
// bit rate. One that is older than ten seconds has the publisher asked for the
// next. It returns ErrNoPublisher when nobody publishes, and ErrNoKeyframe.
func (b *Broadcaster) Keyframe(name string) (Keyframe, error) {
	b.mu.Lock()
	var layers []*Layer
	s := b.streams[name]
	published := s != nil && s.publisher != nil
	if published {
		layers = s.publisher.layers[codec.Video] // replaced, never edited
	}
	b.mu.Unlock()
	if !published {
		return Keyframe{}, fmt.Errorf("keyframe of %q: %w", name, ErrNoPublisher)
	}
	if len(layers) == 0 {
		return Keyframe{}, fmt.Errorf("keyframe of %q: %w", name, ErrNoKeyframe)
	}
	best := slices.MaxFunc(layers, func(x, y *Layer) int { return cmp.Compare(x.rate.Load(), y.rate.Load()) })
	k, ok := best.keyframeCopy()
	if !ok {
		return Keyframe{}, fmt.Errorf("keyframe of %q: %w", name, ErrNoKeyframe)
	}
	return k, nil
}

// keyframeCopy collects the packets of the newest keyframe.
func (l *Layer) keyframeCopy() (k Keyframe, ok bool) {
	now := l.clock.now()
	pos, ok := l.newestKeyframe()
	if !ok {
		l.requestKeyframe(now)
		return Keyframe{}, false
	}
	first := l.ring.At(pos)
	if first == nil {
		return Keyframe{}, false // overwritten just now
	}
	packets := l.picture(pos, first)
	if time.Duration(now-first.Arrived) > keyframeStale {
		l.requestKeyframe(now)
	}
	if packets == nil {
		return Keyframe{}, false
	}
	k = Keyframe{Codec: l.Codec(), At: l.clock.wall(first.Arrived), Payloads: make([][]byte, len(packets))}
	for i, p := range packets {
		k.Payloads[i] = p.Payload
	}
	return k, true
}

// picture returns the packets of the picture whose first one is at pos, in the
// order in which they were sent, or nil when it is not whole: packets that came
// late stand further back in the ring.
func (l *Layer) picture(pos uint64, first *ring.Packet) []*ring.Packet {
	var packets []*ring.Packet
	for head := l.ring.Head(); pos < head && len(packets) < keyframePackets; pos++ {
		p := l.ring.At(pos)
		if p == nil || p.Epoch != first.Epoch {
			break
		}
		if p.Timestamp == first.Timestamp {
			packets = append(packets, p)
		}
	}
	slices.SortFunc(packets, func(x, y *ring.Packet) int { return cmp.Compare(x.Seq, y.Seq) })
	for i, p := range packets {
		if p.Seq != first.Seq+uint64(i) { //nolint:gosec // an index is not negative
			return nil
		}
		if p.Marker {
			return packets[:i+1]
		}
	}
	return nil
}
