package whep

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
	"porthole/internal/events"
	"porthole/internal/negotiate"
	"porthole/internal/signaling"
)

// Listen learns when something about any stream has changed, ours included.
func (s *session) Listen() *events.Listener {
	return s.broadcaster.Events().Listen(0, events.Changes)
}

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
		if t, ok := s.tracks[media.Mid]; !ok || t.kind != codec.Video {
			continue
		}
		if layers := pictures(info); len(layers) > 0 {
			status.Layers[strconv.Itoa(i)] = layers
		}
	}
	return status
}

// pictures describes the encodings of the picture, those that were announced and
// have not come included.
func pictures(info broadcast.StreamInfo) (layers []signaling.Layer) {
	for _, t := range info.Tracks {
		if t.Codec.Kind() != codec.Video {
			continue
		}
		layer := signaling.Layer{RID: t.RID, Bitrate: t.Bitrate, Width: t.Width, Height: t.Height}
		if t.OnDemand && layer.Bitrate == 0 { // it comes as soon as somebody chooses it
			layer.Bitrate = t.Nominal
		}
		if t.RID == "" { // the only one has no name
			layer.SpatialLayer = new(int)
		}
		layers = append(layers, layer)
	}
	for _, rid := range info.RIDs {
		if !slices.ContainsFunc(layers, func(l signaling.Layer) bool { return l.RID == rid }) {
			layers = append(layers, signaling.Layer{RID: rid})
		}
	}
	return layers
}

// Choose lets the viewer have another encoding of the picture.
func (s *session) Choose(c signaling.Choice) error {
	place := slices.IndexFunc(s.offer.Media, func(m negotiate.Media) bool {
		t, ok := s.tracks[m.Mid]
		return ok && t.kind == codec.Video
	})
	if place < 0 {
		return fmt.Errorf("%w: this session has no picture", signaling.ErrNoLayer)
	}
	if mid := s.offer.Media[place].Mid; c.Media != "" && c.Media != strconv.Itoa(place) && c.Media != mid {
		return fmt.Errorf("%w: the picture has the mediaId %d", signaling.ErrNoLayer, place)
	}
	if err := s.known(c.RID); err != nil {
		return err
	}
	s.viewer.Choose(broadcast.Choice{RID: c.RID, MaxWidth: c.MaxWidth, MaxHeight: c.MaxHeight})
	return nil
}

// known tells whether there is an encoding of that name, or may be one soon.
func (s *session) known(rid string) error {
	if rid == "" {
		return nil
	}
	var names []string
	info, _ := s.broadcaster.Stream(s.stream)
	for _, layer := range pictures(info) {
		if layer.RID == rid {
			return nil
		}
		names = append(names, strconv.Quote(layer.RID))
	}
	return fmt.Errorf("%w: there is no %.40q among %s", signaling.ErrNoLayer, rid, strings.Join(names, ", "))
}
