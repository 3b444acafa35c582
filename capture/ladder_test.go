//go:build cgo

package capture

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"porthole/capture/capturetest"
	"porthole/capture/encode"
	"porthole/capture/pipeline"
	"porthole/capture/publish"
	"porthole/capture/synthetic"
	"porthole/internal/broadcast"
)

// The heart gets all encodings of a picture, as it gets those of a publisher of simulcast. One that nobody needs is known and
// not encoded.
func TestLadderReachesTheBroadcaster(t *testing.T) {
	b := broadcast.New(broadcast.Config{})
	defer b.Close()
	library, err := encode.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	spec := capturetest.Spec(t, "pattern:?size=640x360&audio=off&keyframe=100ms")
	in, err := synthetic.NewDevice(spec, "webcam").Open()
	if err != nil {
		t.Fatal(err)
	}
	log, _ := capturetest.NewLog()
	live := pipeline.New(pipeline.Config{Spec: spec, Input: in, Library: library, Log: log})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- live.Run(ctx, publish.To(b, "cam", "pattern")) }()
	defer func() {
		cancel()
		if err := errors.Join(<-ended, live.Close()); !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
	}()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond) // the broadcaster does not tell of keyframes
	defer tick.Stop()
	for {
		info, _ := b.Stream("cam")
		if len(info.Tracks) == 2 && info.Tracks[0].Keyframes > 3 {
			low := info.Tracks[1]
			if !slices.Equal(info.RIDs, []string{"360p", "180p"}) || info.Tracks[0].RID != "360p" || low.RID != "180p" ||
				low.Width != 320 || !low.OnDemand || low.Wanted || low.Keyframes > 0 {
				t.Errorf("the stream has %+v", info)
			}
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("no keyframes within 20 s: %+v", info)
		}
	}
}
