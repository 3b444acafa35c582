package broadcast

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

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
	s := b.streams[name]
	published := s != nil && s.publisher != nil
	b.mu.Unlock()
	if !published {
		return Keyframe{}, fmt.Errorf("keyframe of %q: %w", name, ErrNoPublisher)
	}
	// It reads what is there and waits for nothing, so that nobody has to know of it.
	k, ok := newReader(s, ReaderConfig{Kinds: []codec.Kind{codec.Video}}).newest()
	if !ok {
		return Keyframe{}, fmt.Errorf("keyframe of %q: %w", name, ErrNoKeyframe)
	}
	return k, nil
}

// newest collects the packets of the newest keyframe; ok is false when it is not whole.
func (r *Reader) newest() (k Keyframe, ok bool) {
	var packets []Packet
	var last uint64 // number of the one with the marker
	for p, ok := r.Poll(); ok && len(packets) < keyframePackets; p, ok = r.Poll() {
		switch {
		case len(packets) == 0:
			if clock := r.stream.b.clock; clock.wall(clock.now()).Sub(p.Arrived) > keyframeStale {
				r.RequestKeyframe()
			}
		case p.Break != NoBreak:
			return Keyframe{}, false
		case p.Timestamp != packets[0].Timestamp:
			continue // what came late stands further back
		}
		packets = append(packets, p)
		if p.Marker {
			last = p.Number
		}
		if last != 0 && uint64(len(packets)) == last-r.tracks[0].low+1 {
			return keyframeOf(packets), true
		}
	}
	return Keyframe{}, false
}

// keyframeOf puts the packets of a whole picture in their order.
func keyframeOf(packets []Packet) Keyframe {
	k := Keyframe{Codec: packets[0].Encoding.Codec, At: packets[0].Arrived, Payloads: make([][]byte, len(packets))}
	slices.SortFunc(packets, func(x, y Packet) int { return cmp.Compare(x.Number, y.Number) })
	for i, p := range packets {
		k.Payloads[i] = p.Payload
	}
	return k
}
