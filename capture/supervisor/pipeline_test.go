package supervisor

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"porthole/capture/capturetest"
	"porthole/capture/pipelinetest"
	"porthole/capture/publish"
	"porthole/capture/source"
	"porthole/internal/codec"
)

// textPipeline is a pipeline of something that is neither picture nor sound.
type textPipeline struct {
	lasts  time.Duration
	ends   error
	closed int
}

// Run takes the stream at once, and ends after its time.
func (s *textPipeline) Run(ctx context.Context, take publish.Func) error {
	publisher, err := take(publish.Tracks{Kinds: []codec.Kind{codec.Video}})
	if err != nil {
		return err
	}
	err = s.ends
	select {
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-time.After(s.lasts):
	}
	publisher.Close(err)
	return err
}

func (s *textPipeline) Close() error { s.closed++; return nil }

// What a pipeline takes and sends is its own business: its life is supervised all the same.
func TestAnythingCanBeSupervised(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pipelines []*textPipeline
		var publishers []*pipelinetest.Publisher
		device := &fakeDevice{openPipeline: func() (Pipeline, error) {
			pipelines = append(pipelines, &textPipeline{lasts: time.Minute, ends: source.ErrDeviceGone})
			return pipelines[len(pipelines)-1], nil
		}}
		log, lines := capturetest.NewLog()
		list := newFakeAnnouncement(true)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			ended <- Run(ctx, Config{
				Spec: capturetest.Spec(t, "camera:?ondemand=off"), Device: device, Announcement: list, Announced: func() {}, Log: log,
				Publish: func(publish.Tracks) (publish.Publisher, error) {
					publishers = append(publishers, pipelinetest.NewPublisher())
					return publishers[len(publishers)-1], nil
				},
			})
		}()
		time.Sleep(2*time.Minute + time.Second)
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("ended with %v", err)
		}
		if len(pipelines) != 3 || len(publishers) != 3 {
			t.Fatalf("%d pipelines and %d publishers, want 3: each lasts a minute", len(pipelines), len(publishers))
		}
		for i, s := range pipelines {
			if s.closed != 1 {
				t.Errorf("pipeline %d was closed %d times, want once", i, s.closed)
			}
		}
		if !errors.Is(publishers[1].Err(), source.ErrDeviceGone) || !errors.Is(publishers[2].Err(), context.Canceled) {
			t.Errorf("the publishers ended with %v and %v", publishers[1].Err(), publishers[2].Err())
		}
		if lines.Count("the device is gone") == 0 {
			t.Error("the log does not say why it is opened again")
		}
		if texts := list.texts(); len(texts) < 3 || texts[0] != "waiting for the camera" || texts[2] != "camera unplugged" {
			t.Errorf("the list of streams says %q", texts)
		}
	})
}
