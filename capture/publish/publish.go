// Package publish is what a source publishes to: a publisher of the heart, or what takes its place in tests.
package publish

import (
	"time"

	"github.com/pion/rtp"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
)

// Track is where packets go; *broadcast.Layer is one.
type Track interface {
	WriteRTP(p *rtp.Packet) error
	// Wanted says whether anybody needs the track, which may be on demand. It is asked before each picture.
	Wanted() bool
	// SenderReport says which RTP timestamp belongs to which capture time.
	SenderReport(capturedAt time.Time, rtpTime uint32)
}

// Publisher is who holds the stream while a source works; see broadcast.Publisher.
type Publisher interface {
	AddTrack(cfg broadcast.LayerConfig) (Track, error)
	Done() <-chan struct{}
	Err() error
	Close(reason error)
}

// Tracks says which will come.
type Tracks struct {
	Kinds []codec.Kind
	Later []codec.Kind // those that may come, and for which nobody waits
	RIDs  []string     // of the encodings of the picture; none where it has one
}

// Func takes the stream for these tracks.
type Func func(Tracks) (Publisher, error)

// To returns the Func that takes a stream of b; source says of what kind the publisher is.
func To(b *broadcast.Broadcaster, stream, source string) Func {
	return func(t Tracks) (Publisher, error) {
		p, err := b.Publish(stream, broadcast.PublisherConfig{Source: source, Kinds: t.Kinds, Later: t.Later, RIDs: t.RIDs, OwnClock: true})
		if err != nil {
			return nil, err
		}
		return publisher{p}, nil
	}
}

// publisher is the real one.
type publisher struct{ *broadcast.Publisher }

// AddTrack adds a layer.
func (p publisher) AddTrack(cfg broadcast.LayerConfig) (Track, error) {
	layer, err := p.AddLayer(cfg)
	if err != nil {
		return nil, err
	}
	return layer, nil
}
