package peer_test

import (
	"testing"

	"github.com/pion/rtp"
	"github.com/prometheus/client_golang/prometheus"

	"porthole/internal/peer"
)

// observed returns how many values a histogram has, over all its labels.
func observed(t *testing.T, registry *prometheus.Registry, name string) (count uint64) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			if family.GetName() == name {
				count += metric.GetHistogram().GetSampleCount()
			}
		}
	}
	return count
}

// A viewer's start is timed to the end of its first picture, once.
func TestStartOfAViewerIsTimed(t *testing.T) {
	registry := prometheus.NewRegistry()
	w := startWatching(t, newEngine(t, peer.Config{Registerer: registry}), newClient(t, clientConfig{}), edits{})
	var video peer.SendTrack
	for _, track := range w.session.Tracks() {
		if track.Kind == "video" {
			video = track
		}
	}
	for i, step := range []struct {
		marker         bool
		media, picture uint64
	}{{false, 1, 0}, {true, 1, 1}, {false, 1, 1}, {true, 1, 1}} {
		header := &rtp.Header{Version: 2, SSRC: video.SSRC, PayloadType: video.PayloadType, SequenceNumber: uint16(i), Marker: step.marker}
		if _, err := w.session.WriteRTP(header, make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		if got := observed(t, registry, "porthole_first_media_seconds"); got != step.media {
			t.Errorf("after packet %d: %d first packets, want %d", i, got, step.media)
		}
		if got := observed(t, registry, "porthole_first_picture_seconds"); got != step.picture {
			t.Errorf("after packet %d: %d first pictures, want %d", i, got, step.picture)
		}
	}
	if info := w.session.Info(); !hasEvent(info, "first media") {
		t.Errorf("timeline %v lacks the first media", info.Timeline)
	}
}
