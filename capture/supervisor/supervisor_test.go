package supervisor

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"log/slog"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"porthole/capture/capturetest"
	"porthole/capture/encode"
	"porthole/capture/pipeline"
	"porthole/capture/pipelinetest"
	"porthole/capture/publish"
	"porthole/capture/source"
	"porthole/internal/broadcast"
	"porthole/internal/codec"
)

// scene is a supervisor in fake time, with everything around it in the test's hands.
type scene struct {
	supervisor
	list    *fakeAnnouncement
	device  *fakeDevice
	library *pipelinetest.Library
	lines   *capturetest.Lines
	log     *slog.Logger
	spec    source.Spec

	cameras    []*pipelinetest.Camera
	publishers []*pipelinetest.Publisher
}

// newScene has a camera for every opening: made by camera, which may fail.
func newScene(t *testing.T, uri string, watched bool, camera func(n int) (*pipelinetest.Camera, error)) *scene {
	t.Helper()
	log, lines := capturetest.NewLog()
	spec := capturetest.Spec(t, uri)
	s := &scene{list: newFakeAnnouncement(watched), library: new(pipelinetest.Library), lines: lines, log: log, spec: spec}
	s.device = &fakeDevice{openPipeline: func() (Pipeline, error) {
		made, err := camera(len(s.cameras))
		if err != nil {
			return nil, err
		}
		s.cameras = append(s.cameras, made)
		return s.pipeline(made), nil
	}}
	s.supervisor = supervisor{Config: Config{
		Spec: spec, Device: s.device, Announcement: s.list, Announced: func() {}, Log: log,
		Standby: func() []codec.Codec { return []codec.Codec{encode.H264()} },
		Publish: func(publish.Tracks) (publish.Publisher, error) {
			s.publishers = append(s.publishers, pipelinetest.NewPublisher())
			return s.publishers[len(s.publishers)-1], nil
		},
	}}
	return s
}

// pipeline is what sends a camera's pictures.
func (s *scene) pipeline(camera *pipelinetest.Camera) Pipeline {
	return pipeline.New(pipeline.Config{Spec: s.spec, Input: camera.Input(s.spec, s.log), Library: s.library, Log: s.log})
}

// begin runs the supervisor beside the test; end stops it and waits.
func (s *scene) begin(t *testing.T) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.run(ctx) }()
	return func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the supervisor ended with %v", err)
		}
		for i, c := range s.cameras {
			if !c.Closed.Load() {
				t.Errorf("camera %d is still open", i)
			}
		}
		if s.library.Closed != len(s.library.Built) {
			t.Errorf("%d encoders built, %d closed", len(s.library.Built), s.library.Closed)
		}
	}
}

// capturing says whether a camera is open now.
func (s *scene) capturing() bool {
	synctest.Wait()
	n := len(s.cameras)
	return n > 0 && !s.cameras[n-1].Closed.Load()
}

func (s *scene) wantLast(t *testing.T, text string, standby bool) {
	t.Helper()
	synctest.Wait()
	if last := s.list.last(); last.Text != text || len(last.Standby) > 0 != standby {
		t.Errorf("the list says %q, joinable %v; want %q, %v", last.Text, len(last.Standby) > 0, text, standby)
	}
}

func goodCamera(int) (*pipelinetest.Camera, error) {
	return &pipelinetest.Camera{Script: pipelinetest.Steady(30, 640, 480)}, nil
}

const onDemand = "camera:?size=640x480&fps=30&mic=off&ondemand=10s"

func TestOnDemandCameraIsOnWhileSomebodyWatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, onDemand, false, goodCamera)
		defer s.begin(t)()
		time.Sleep(time.Minute)
		s.wantLast(t, "camera off while nobody watches", true)
		if s.capturing() || len(s.cameras) > 0 {
			t.Fatal("the camera is on while nobody watches")
		}
		for cycle := 1; cycle <= 3; cycle++ {
			s.list.set(true, false)
			came := time.Now()
			time.Sleep(40 * time.Millisecond) // the camera itself takes 33 for a picture
			s.wantLast(t, "", true)
			if !s.capturing() || len(s.cameras) != cycle || len(s.publishers) != cycle {
				t.Fatalf("%v after a viewer came, the camera was on %d times, want %d", time.Since(came), len(s.cameras), cycle)
			}
			if video := s.publishers[cycle-1].Track(codec.Video); video == nil || video.Keyframes() != 1 {
				t.Error("it does not begin with a keyframe")
			}

			s.list.set(false, false)
			time.Sleep(5 * time.Second)
			s.list.set(true, false) // somebody else comes within the linger time
			time.Sleep(20 * time.Second)
			if !s.capturing() || len(s.cameras) != cycle {
				t.Error("the camera went off between two viewers")
			}
			s.list.set(false, false)
			time.Sleep(9 * time.Second)
			if !s.capturing() {
				t.Error("the camera went off too early")
			}
			time.Sleep(1100 * time.Millisecond)
			s.wantLast(t, "camera off while nobody watches", true)
			if s.capturing() || !errors.Is(s.publishers[cycle-1].Err(), errUnwatched) {
				t.Errorf("still on 10 s after the last viewer left; the publisher ended with %v", s.publishers[cycle-1].Err())
			}
		}
		if n := s.lines.Count("unavailable"); n != 0 {
			t.Errorf("going off was told as a failure %d times", n)
		}
	})
}

func TestAlwaysOnCameraNeedsNoViewers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, "camera:?size=640x480&fps=30&mic=off&ondemand=off", false, goodCamera)
		defer s.begin(t)()
		time.Sleep(time.Minute)
		s.wantLast(t, "", false)
		if !s.capturing() || len(s.cameras) != 1 {
			t.Errorf("opened %d times", len(s.cameras))
		}
	})
}

// An on-demand camera that is not there cannot be joined, and can again as soon as it is back.
func TestOnDemandCameraThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, onDemand, false, goodCamera)
		defer s.begin(t)()
		s.wantLast(t, "camera off while nobody watches", true)
		s.list.set(true, false)
		time.Sleep(time.Second)
		s.list.set(false, false)
		time.Sleep(11 * time.Second)
		s.device.set(fs.ErrNotExist, nil)
		s.device.notice()
		s.wantLast(t, "camera unplugged", false)
		s.device.set(nil, nil)
		s.device.notice()
		s.wantLast(t, "camera off while nobody watches", true)
		if len(s.cameras) != 1 {
			t.Errorf("the camera was opened %d times, want once", len(s.cameras))
		}
	})
}

// What the list of streams says of each kind of failure, and how soon the camera is back.
func TestEveryFailureIsTold(t *testing.T) {
	stalled := errors.New("read timeout")
	for _, test := range []struct {
		name string
		// fail is what opening the camera gives, or reading from it.
		open, read error
		took       time.Duration // that reading takes
		want       string
		told       time.Duration // within this time
	}{
		{"unplugged", nil, syscall.ENODEV, 0, "camera unplugged", 10 * time.Millisecond},
		{"the first one is missing", source.ErrNoCamera, nil, 0, "waiting for the camera", 0},
		{"the named one is missing", fs.ErrNotExist, nil, 0, "waiting for the camera", 0},
		{"busy", &source.BusyError{Device: "/dev/video0", Holders: []string{"ffmpeg (pid 12)"}}, nil, 0, "camera in use by ffmpeg (pid 12)", 0},
		{"busy, by whom is not known", &source.BusyError{Device: "/dev/video0", Holders: nil}, nil, 0, "camera in use by another program", 0},
		{"permission", &fs.PathError{Op: "open", Path: "/dev/video0", Err: fs.ErrPermission}, nil, 0, "no permission for /dev/video0", 0},
		{"stalled", nil, stalled, 2 * time.Second, "camera stalled, reopening", 2 * time.Second},
		{"corrupt pictures only", nil, pipelinetest.ErrCorrupt, 33 * time.Millisecond, "camera stalled, reopening", 2200 * time.Millisecond},
		{"anything else", errors.New("start YUYV 640x480: no space left on device"), nil, 0, "camera failed, trying again", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				good := pipelinetest.Steady(30, 640, 480)
				s := newScene(t, "camera:?size=640x480&fps=30&mic=off&ondemand=off", true, nil)
				var healed atomic.Bool
				s.device.openPipeline = func() (Pipeline, error) {
					if test.open != nil && !healed.Load() {
						return nil, test.open
					}
					c := &pipelinetest.Camera{Script: func(n int) (image.Image, time.Duration, error) {
						if n >= 31 && test.read != nil && !healed.Load() {
							return nil, test.took, test.read
						}
						return good(n)
					}}
					s.cameras = append(s.cameras, c)
					return s.pipeline(c), nil
				}
				defer s.begin(t)()
				if test.read != nil {
					time.Sleep(time.Second)
					s.wantLast(t, "", false)
				}
				time.Sleep(test.told + 34*time.Millisecond)
				s.wantLast(t, test.want, false)
				healed.Store(true)
				s.device.notice() // and again before its pause is over
				time.Sleep(50 * time.Millisecond)
				if test.read != nil && test.took > 0 {
					time.Sleep(test.told) // it reads from the sick camera meanwhile
				}
				s.wantLast(t, "", false)
				if texts := s.list.texts(); len(texts) > 5 {
					t.Errorf("the list flickers: %q", texts)
				}
			})
		})
	}
}

// A camera whose node goes is let go of at once, whatever its driver waits for, and a
// camera that comes back is opened at once, whatever the pause after so many failures is.
func TestUnpluggedAndReplugged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good := pipelinetest.Steady(30, 640, 480)
		var unplugged atomic.Bool
		s := newScene(t, "camera:?size=640x480&fps=30&mic=off&ondemand=off", true, func(int) (*pipelinetest.Camera, error) {
			return &pipelinetest.Camera{Script: func(n int) (image.Image, time.Duration, error) {
				if unplugged.Load() {
					return nil, 1500 * time.Millisecond, syscall.ENODEV // the driver is slow to notice
				}
				return good(n)
			}}, nil
		})
		defer s.begin(t)()
		for cycle := 1; cycle <= 3; cycle++ {
			time.Sleep(15 * time.Second)
			s.wantLast(t, "", false)
			unplugged.Store(true)
			s.device.set(fs.ErrNotExist, source.ErrDeviceGone)
			s.device.notice()
			time.Sleep(40 * time.Millisecond) // the picture that it was about to deliver
			s.wantLast(t, "camera unplugged", false)
			if err := s.publishers[cycle-1].Err(); !errors.Is(err, source.ErrDeviceGone) {
				t.Errorf("cycle %d: the publisher is there after 40 ms: %v", cycle, err)
			}
			time.Sleep(15 * time.Second)
			if s.capturing() || len(s.cameras) != cycle {
				t.Fatalf("cycle %d: opened %d times", cycle, len(s.cameras))
			}
			unplugged.Store(false)
			s.device.set(nil, nil)
			s.device.notice()
			time.Sleep(40 * time.Millisecond)
			s.wantLast(t, "", false)
			if len(s.publishers) != cycle+1 {
				t.Errorf("cycle %d: not back 40 ms after it was plugged in", cycle)
			}
		}
	})
}

// Another size than before is another encoder, for the same viewers.
func TestReplugWithAnotherSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, "camera:?size=640x480&fps=30&mic=off&ondemand=off", true, func(n int) (*pipelinetest.Camera, error) {
			good := pipelinetest.Steady(30, 640>>n, 480>>n)
			return &pipelinetest.Camera{Script: func(i int) (image.Image, time.Duration, error) {
				if n == 0 && i == 30 {
					return nil, 0, syscall.ENODEV
				}
				return good(i)
			}}, nil
		})
		end := s.begin(t)
		time.Sleep(3 * time.Second)
		end()
		var sizes []string
		for _, p := range s.library.Built {
			sizes = append(sizes, fmt.Sprintf("%dx%d", p.Width, p.Height))
		}
		if want := []string{"640x480", "320x240"}; !slices.Equal(sizes, want) {
			t.Errorf("encoders for %v, want %v", sizes, want)
		}
	})
}

// While somebody else publishes on the stream, the camera is off, and its light with it.
func TestCameraIsOffWhileTheStreamIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, "camera:?size=640x480&fps=30&mic=off&ondemand=off", true, goodCamera)
		s.list.set(true, true)
		defer s.begin(t)()
		time.Sleep(time.Minute)
		s.wantLast(t, "camera off while somebody else publishes", false)
		if len(s.cameras) > 0 {
			t.Error("the camera was opened")
		}
		s.list.set(true, false)
		time.Sleep(40 * time.Millisecond)
		s.wantLast(t, "", false)
	})
}

// Opening goes through other people's code too.
func TestPanicWhileOpening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, "camera:?size=640x480&fps=30&mic=off&ondemand=off", true, func(n int) (*pipelinetest.Camera, error) { return goodCamera(n) })
		first := true
		inner := s.device.openPipeline
		s.device.openPipeline = func() (Pipeline, error) {
			if first {
				first = false
				panic("nil map")
			}
			return inner()
		}
		defer s.begin(t)()
		time.Sleep(time.Second)
		s.wantLast(t, "", false)
	})
}

func TestEndOfTheBroadcasterEndsAnIdleSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, onDemand, false, goodCamera)
		time.AfterFunc(time.Second, func() { close(s.list.done) })
		if err := s.run(t.Context()); !errors.Is(err, broadcast.ErrClosed) {
			t.Errorf("ended with %v, want ErrClosed", err)
		}
	})
}
