package supervisor

import (
	"context"
	"errors"
	"image"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"porthole/capture/capturetest"
	"porthole/capture/pipeline"
	"porthole/capture/pipelinetest"
	"porthole/capture/publish"
	"porthole/capture/source"
	"porthole/internal/broadcast"
)

// supervise runs a supervisor over cameras that open makes, for so long.
func supervise(t *testing.T, d time.Duration, open func(n int) (*pipelinetest.Camera, error), take func(n int) (publish.Publisher, error)) (*capturetest.Lines, error) {
	t.Helper()
	log, lines := capturetest.NewLog()
	spec := capturetest.Spec(t, "camera:?size=640x480&fps=30&mic=off&ondemand=off")
	opened, published := 0, 0
	library := new(pipelinetest.Library)
	device := &fakeDevice{openPipeline: func() (Pipeline, error) {
		opened++
		camera, err := open(opened)
		if err != nil {
			return nil, err
		}
		return pipeline.New(pipeline.Config{Spec: spec, Input: camera.Input(spec, log), Library: library, Log: log}), nil
	}}
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	return lines, Run(ctx, Config{
		Spec: spec, Device: device, Announcement: newFakeAnnouncement(true), Announced: func() {}, Log: log,
		Publish: func(publish.Tracks) (publish.Publisher, error) { published++; return take(published) },
	})
}

func alwaysPublish(int) (publish.Publisher, error) { return pipelinetest.NewPublisher(), nil }

// lasting is a camera that is unplugged after so many pictures.
func lasting(pictures int) *pipelinetest.Camera {
	good := pipelinetest.Steady(30, 640, 480)
	return &pipelinetest.Camera{Script: func(n int) (image.Image, time.Duration, error) {
		if n >= pictures {
			return nil, 0, syscall.ENODEV
		}
		return good(n)
	}}
}

func TestLostCameraIsOpenedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cameras []*pipelinetest.Camera
		var publishers []*pipelinetest.Publisher
		lines, err := supervise(t, 20*time.Second,
			func(n int) (*pipelinetest.Camera, error) {
				if n == 2 || n == 3 {
					return nil, source.ErrNoCamera // unplugged for a while
				}
				cameras = append(cameras, lasting(150))
				return cameras[len(cameras)-1], nil
			},
			func(int) (publish.Publisher, error) {
				publishers = append(publishers, pipelinetest.NewPublisher())
				return publishers[len(publishers)-1], nil
			})
		if err != nil {
			t.Errorf("Run ended with %v, want nil when its context ends", err)
		}
		if len(cameras) != 4 && len(cameras) != 3 {
			t.Errorf("%d cameras were opened in 20 s of 5 s each", len(cameras))
		}
		for i, c := range cameras {
			if !c.Closed.Load() {
				t.Errorf("camera %d was not closed", i)
			}
		}
		for i, o := range publishers[:len(publishers)-1] {
			if !errors.Is(o.Err(), source.ErrDeviceGone) {
				t.Errorf("publisher %d was closed with %v, want ErrDeviceGone", i, o.Err())
			}
		}
		if lines.Count("the device is gone") == 0 || lines.Count("no camera found") != 1 {
			t.Error("the log does not tell each failure")
		}
	})
}

func TestMissingCameraIsLookedForWithPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tries []time.Time
		lines, err := supervise(t, time.Minute, func(int) (*pipelinetest.Camera, error) {
			tries = append(tries, time.Now())
			return nil, source.ErrNoCamera
		}, alwaysPublish)
		if err != nil {
			t.Errorf("ended with %v", err)
		}
		if n := len(tries); n < 30 || n > 36 {
			t.Errorf("%d tries in a minute, want one about every 2 s", n)
		}
		for i := 5; i < len(tries); i++ {
			if gap := tries[i].Sub(tries[i-1]); gap != lastRetry {
				t.Errorf("try %d comes after %v, want %v", i, gap, lastRetry)
			}
		}
		if got := lines.Count("no camera found"); got != 1 {
			t.Errorf("the same failure was logged %d times in a minute, want once", got)
		}
	})
}

func TestTakenStreamIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cameras []*pipelinetest.Camera
		taken := func(n int) (publish.Publisher, error) {
			if n < 4 {
				return nil, broadcast.ErrStreamBusy
			}
			return pipelinetest.NewPublisher(), nil
		}
		_, err := supervise(t, 10*time.Second, func(int) (*pipelinetest.Camera, error) {
			cameras = append(cameras, lasting(1000))
			return cameras[len(cameras)-1], nil
		}, taken)
		if err != nil || len(cameras) != 4 {
			t.Errorf("ended with %v after opening %d cameras, want nil after 4", err, len(cameras))
		}
		for i, c := range cameras {
			if !c.Closed.Load() {
				t.Errorf("camera %d was left open", i)
			}
		}
	})
}

func TestClosedBroadcasterEndsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := supervise(t, time.Minute,
			func(int) (*pipelinetest.Camera, error) { return lasting(1000), nil },
			func(int) (publish.Publisher, error) { return nil, broadcast.ErrClosed })
		if !errors.Is(err, broadcast.ErrClosed) {
			t.Errorf("ended with %v, want ErrClosed", err)
		}
	})
}
