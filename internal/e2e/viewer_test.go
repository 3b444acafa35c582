//go:build e2e

package e2e_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// viewer is a WHEP client that counts what it receives.
type viewer struct {
	*peer
	video *tally
	audio *tally
}

// newViewer makes a viewer that is not connected yet.
func newViewer(s *server) (*viewer, error) {
	p, err := newPeer(s)
	if err != nil {
		return nil, err
	}
	return viewerOf(p)
}

// viewerOf makes a viewer of a peer; when it cannot, it closes the peer.
func viewerOf(p *peer) (*viewer, error) {
	v := &viewer{peer: p, video: newTally(), audio: newTally()}
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		_, err := p.pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		if err != nil {
			return nil, errors.Join(err, p.close())
		}
	}
	p.pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		into := v.video
		if track.Kind() == webrtc.RTPCodecTypeAudio {
			into = v.audio
		}
		for {
			packet, _, err := track.ReadRTP()
			if err != nil {
				return // the connection is over
			}
			into.add(packet, time.Now())
		}
	})
	return v, nil
}

// watch connects one viewer to a stream and ends it with the test.
func watch(t testing.TB, s *server, stream string) *viewer {
	t.Helper()
	v, err := newViewer(s)
	if err != nil {
		t.Fatalf("make a viewer: %v", err)
	}
	t.Cleanup(func() { v.close() })
	if err := v.signal("/whep/" + stream); err != nil {
		t.Fatalf("watch %s: %v", stream, err)
	}
	return v
}

// watchMany connects n viewers at the same time.
func watchMany(t testing.TB, s *server, stream string, n int) []*viewer {
	t.Helper()
	viewers := make([]*viewer, n)
	failures := make(chan error, n) // one slot each, so that nobody blocks
	for i := range viewers {
		v, err := newViewer(s)
		if err != nil {
			t.Fatalf("make a viewer: %v", err)
		}
		t.Cleanup(func() { v.close() })
		viewers[i] = v
		go func() { failures <- v.signal("/whep/" + stream) }()
	}
	for range viewers {
		if err := receive(t, 20*time.Second, "a viewer's answer", failures); err != nil {
			t.Fatalf("watch %s with %d viewers at once: %v", stream, n, err)
		}
	}
	return viewers
}

// waitPlaying waits for the first keyframe and then some frames more.
func (v *viewer) waitPlaying(t testing.TB) {
	t.Helper()
	v.waitConnected(t)
	receive(t, 10*time.Second, "a keyframe", v.video.keyframe)
	v.waitFrames(t, 15)
}

// waitFrames waits until n frames more than now have come.
func (v *viewer) waitFrames(t testing.TB, n int) {
	t.Helper()
	want := v.video.counts().frames + n
	waitFor(t, 5*time.Second+time.Duration(n)*100*time.Millisecond, fmt.Sprintf("%d frames more", n), func() error {
		if c := v.video.counts(); c.frames < want {
			return fmt.Errorf("still %d missing; %+v", want-c.frames, c)
		}
		return nil
	})
}
