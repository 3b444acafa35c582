package broadcast_test

import (
	"slices"
	"testing"

	"github.com/pion/rtp"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
)

// Sound that may come later keeps nobody waiting, and is in what is joined for once it is there.
func TestTrackThatMayComeLater(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		p, err := b.Publish("cam", broadcast.PublisherConfig{Kinds: []codec.Kind{codec.Video}, Later: []codec.Kind{codec.Audio}})
		if err != nil {
			t.Fatal(err)
		}
		video, err := p.AddLayer(broadcast.LayerConfig{Codec: vp8, RequestKeyframe: func() {}})
		if err != nil {
			t.Fatal(err)
		}
		keyframe := &rtp.Packet{Header: rtp.Header{Version: 2, Marker: true, SequenceNumber: 1, Timestamp: 1}, Payload: []byte{0x10, 0, 0, 0}}
		if err := video.WriteRTP(keyframe); err != nil {
			t.Fatal(err)
		}
		codecs := func() []codec.Codec {
			t.Helper()
			v, err := b.Join("cam")
			if err != nil {
				t.Fatal(err)
			}
			defer v.Close(nil)
			return v.Codecs()
		}
		if info, _ := b.Stream("cam"); !info.Live || !slices.Equal(codecs(), []codec.Codec{vp8}) {
			t.Errorf("without sound: %+v, %v", info, codecs())
		}
		if _, err := p.AddLayer(broadcast.LayerConfig{Codec: opus}); err != nil {
			t.Fatal(err)
		}
		if info, _ := b.Stream("cam"); !info.Live || !slices.Equal(codecs(), []codec.Codec{vp8, opus}) {
			t.Errorf("when sound begins: %+v, %v", info, codecs())
		}
		p.Close(nil)
	})
}
