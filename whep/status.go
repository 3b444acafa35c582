package whep

import (
	"strconv"

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
		Active: info.Live, Viewers: info.Viewers, Layers: make(map[string][]signaling.Layer),
	}
	for i, media := range s.offer.Media {
		if t, ok := s.tracks[media.Mid]; !ok || t.kind != broadcast.Video {
			continue
		}
		if layers := pictures(info.Tracks); len(layers) > 0 {
			status.Layers[strconv.Itoa(i)] = layers
		}
	}
	return status
}

// pictures describes the encodings of the picture.
func pictures(tracks []broadcast.TrackInfo) (layers []signaling.Layer) {
	for _, t := range tracks {
		if t.Codec.Kind() != broadcast.Video {
			continue
		}
		layer := signaling.Layer{RID: t.RID, Bitrate: t.Bitrate, Width: t.Width, Height: t.Height}
		if t.RID == "" { // the only one has no name
			layer.SpatialLayer = new(int)
		}
		layers = append(layers, layer)
	}
	return layers
}
