package remux

import (
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
	"porthole/internal/container"
)

// sample is a picture or a piece of sound on its way into a file.
type sample struct {
	at      int64 // when it is shown, on the Reader's clock
	arrived int64
	length  int64 // of sound: how long it is
	key     bool
	track   container.Track // of a Key: what its file has to say
	data    []byte
}

// track is what is known of one of the two.
type track struct {
	r        *Remuxer
	encoding *broadcast.Encoding
	order    order
	line     timeline
	queue    []sample // that are in no part yet

	// Of a picture.
	pictures  depacketizer
	open      bool // one is being put together
	broken    bool // something of it is missing
	timestamp uint32
	at        sample // when it is, and came
	wantKey   bool
}

func (t *track) push(p broadcast.Packet) {
	if p.Encoding != t.encoding {
		t.take(p.Encoding)
	}
	if p.Break != broadcast.NoBreak && p.Kind == codec.Video {
		t.order.drain(t.emit)
		t.close()
		t.wantKey = true
	}
	t.order.put(p, t.emit)
}

// take begins with another encoding.
func (t *track) take(e *broadcast.Encoding) {
	t.order.drain(t.emit)
	t.close()
	same := t.encoding != nil && t.encoding.Codec.Is(e.Codec.MimeType)
	t.encoding = e
	if e.Codec.Kind() == codec.Video && !same {
		t.pictures, t.wantKey = newDepacketizer(e.Codec), true
	}
	if e.Codec.Kind() == codec.Video && t.pictures == nil || e.Codec.Kind() == codec.Audio && !e.Codec.Is(codec.Opus) {
		t.r.refuse(e.Codec)
	}
}

// overdue gives up packets that were waited for long enough.
func (t *track) overdue() { t.order.expire(t.r.now, t.emit) }

// drain makes samples of everything that came.
func (t *track) drain() {
	t.order.drain(t.emit)
	t.close()
}

// emit takes a packet in its order.
func (t *track) emit(p broadcast.Packet, lost uint64) {
	t.r.totals.Lost += lost
	if p.Kind == codec.Audio {
		t.sound(p)
		return
	}
	if t.pictures == nil {
		return
	}
	if t.open && (lost > 0 || p.Timestamp != t.timestamp) {
		t.broken = t.broken || lost > 0
		if p.Timestamp != t.timestamp {
			t.close()
		}
	}
	if lost > 0 && !t.wantKey {
		t.wantKey = true
		t.r.gap()
	}
	if !t.open {
		t.open, t.timestamp = true, p.Timestamp
		t.pictures.begin()
		t.broken = lost > 0 && !t.pictures.starts(p.Payload)
		t.at = sample{at: t.line.at(p, t.encoding.Codec.ClockRate), arrived: int64(p.Elapsed)}
	}
	t.broken = !t.pictures.add(p.Payload) || t.broken
	if p.Marker {
		t.close()
	}
}

func (t *track) sound(p broadcast.Packet) {
	if !t.encoding.Codec.Is(codec.Opus) || len(p.Payload) == 0 {
		return
	}
	s := sample{at: t.line.at(p, t.encoding.Codec.ClockRate), arrived: int64(p.Elapsed), key: true, data: p.Payload}
	s.length = opus.PacketDuration2(p.Payload) * int64(time.Second) / 48_000
	s.track = container.Track{Codec: codec.Opus, Scale: 48_000, Channels: max(int(t.encoding.Codec.Channels), 1)}
	t.add(s)
}

// close ends the picture that is being put together, and keeps it if it can be decoded.
func (t *track) close() {
	if !t.open {
		return
	}
	t.open = false
	s := t.at
	s.data, s.key, s.track = t.pictures.picture()
	s.track.Scale = 90_000
	switch {
	case t.broken:
		t.r.totals.Incomplete++
		if !t.wantKey {
			t.wantKey = true
			t.r.gap()
		}
	case len(s.data) == 0: // parameter sets alone
	case t.wantKey && !s.key:
		t.r.totals.Incomplete++
	default:
		t.wantKey = false
		t.add(s)
	}
}

func (t *track) add(s sample) {
	if len(t.queue) < maxQueued {
		t.queue = append(t.queue, s)
	}
}
