package whep

import (
	"porthole/internal/broadcast"
	"porthole/internal/signaling"
)

// Changed is closed when something about any stream has changed, ours included.
func (s *session) Changed() <-chan struct{} { return s.broadcaster.Changed() }

// Status says how the viewer's stream is.
func (s *session) Status() signaling.Status {
	info, ok := s.broadcaster.Stream(s.stream)
	if !ok {
		return signaling.Status{}
	}
	status := signaling.Status{
		Active: info.Live, Viewers: info.Viewers, Layers: make(map[string]signaling.Layers),
	}
	for mid, t := range s.tracks {
		if layers := layersOf(info.Tracks, t.kind); len(layers.Layers)+len(layers.Inactive) > 0 {
			status.Layers[mid] = layers
		}
	}
	return status
}

// layersOf describes the encodings of one kind. The only one of a track without
// simulcast has no name of its own and is called "0".
func layersOf(tracks []broadcast.TrackInfo, kind broadcast.Kind) signaling.Layers {
	// Not nil: players want lists.
	layers := signaling.Layers{
		Active: []signaling.Encoding{}, Inactive: []signaling.Encoding{}, Layers: []signaling.Layer{},
	}
	for _, t := range tracks {
		if t.Codec.Kind() != kind {
			continue
		}
		encoding := signaling.Encoding{ID: t.RID, Bitrate: t.Bitrate}
		if encoding.ID == "" {
			encoding.ID = "0"
		}
		layers.Active = append(layers.Active, encoding)
		layers.Layers = append(layers.Layers, signaling.Layer{
			EncodingID: encoding.ID, Bitrate: t.Bitrate, Width: t.Width, Height: t.Height,
		})
	}
	return layers
}
