//go:build cgo

package capture

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"porthole/capture/capturetest"
	"porthole/capture/media"
	"porthole/capture/source"
	"porthole/capture/v4l2/v4l2test"
	"porthole/capture/v4l2/videodev"
	"porthole/internal/broadcast"
	"porthole/internal/codec"
	"porthole/internal/events"
	"porthole/internal/sourceinfo"
)

// running is a source of a camera of a test, which runs.
type running struct {
	*Source
	host   *v4l2test.Host
	b      *broadcast.Broadcaster
	finder *Viewfinder
	log    *capturetest.Lines
}

func runCamera(t *testing.T, c *v4l2test.Camera, query string) running {
	t.Helper()
	host := v4l2test.NewHost(t)
	host.Plug("video0", c)
	log, lines := capturetest.NewLog()
	r := running{host: host, b: broadcast.New(broadcast.Config{}), finder: new(Viewfinder), log: lines}
	r.Source = New(Config{
		Broadcaster: r.b, Name: "cam", Spec: capturetest.Spec(t, "camera:?mic=off&"+query), Finder: r.finder, Log: log,
		device: func(spec source.Spec, log *slog.Logger) media.Device {
			return hearing{host.New(spec, log), source.MicOff, log}
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := r.b.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// await waits until the stream is as it should be.
func (r running) await(t *testing.T, what string, is func(broadcast.StreamInfo) bool) (info broadcast.StreamInfo) {
	t.Helper()
	changes := r.b.Events().Listen(0, events.Changes)
	defer changes.Close()
	tick := time.NewTicker(50 * time.Millisecond) // of sizes and rates nothing is told
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for {
		info, _ = r.b.Stream("cam")
		if is(info) {
			return info
		}
		select {
		case <-changes.Ready():
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not %s within 20 s: %+v", what, info)
		}
	}
}

func isLive(i broadcast.StreamInfo) bool {
	return i.Live && len(i.Tracks) > 0 && i.Tracks[0].Width > 0
}

func TestCameraThatEncodesItself(t *testing.T) {
	r := runCamera(t, camera(t, 640, 360, "H264", "YUYV"), "ondemand=off&size=640x360&codec=h264")
	live := r.await(t, "live", isLive)
	if len(live.Tracks) != 1 || live.Tracks[0].Width != 640 || live.Tracks[0].Height != 360 || !live.Tracks[0].Codec.Is(codec.H264) {
		t.Errorf("published %+v", live.Tracks)
	}
	if !r.finder.Encoded() {
		t.Error("there seem to be raw pictures")
	}
	var keyframe broadcast.Keyframe
	var err error
	r.await(t, "a whole keyframe", func(broadcast.StreamInfo) bool {
		keyframe, err = r.b.Keyframe("cam")
		return err == nil
	})
	if err != nil || len(keyframe.Payloads) < 2 || codec.H264NALs.Type(keyframe.Payloads[0]) != codec.NALSTAPA {
		t.Errorf("the keyframe in the ring, %d packets, begins without parameter sets: %v", len(keyframe.Payloads), err)
	}
	if r.log.Count("ladder=\"off: the camera encodes one size") != 1 {
		t.Error("the log does not say that there is no ladder")
	}

	if mode := r.Brief().Mode; mode == nil || !mode.AsItIs || mode.Width != 640 || mode.Why != "codec=h264" {
		t.Errorf("the mode is told as %+v", mode)
	}
	r.host.Unplug("video0")
	r.await(t, "unplugged", func(i broadcast.StreamInfo) bool { return !i.Live && i.SourceState == "camera unplugged" })
}

// A viewer who comes while a camera is off agrees to what the camera will send, once it has been on.
func TestStandbyOfACameraThatEncodesItself(t *testing.T) {
	c := camera(t, 640, 360, "H264")
	frame := c.Frame
	c.Frame = func(n int, l videodev.Layout, asked bool) videodev.Frame {
		f := frame(n, l, asked)
		f.Data = bytes.Clone(f.Data)
		if i := bytes.Index(f.Data, []byte{0, 0, 0, 1, 0x67, 0x42}); i >= 0 {
			f.Data[i+5], f.Data[i+6] = 77, 0 // it says Main
		}
		return f
	}
	r := runCamera(t, c, "size=640x360&ondemand=0s")
	off := func(i broadcast.StreamInfo) bool {
		return i.State == broadcast.StateStandby && i.SourceState == "camera off while nobody watches"
	}
	for i, want := range []string{"42", "4d"} {
		r.await(t, "off", off)
		v, err := r.b.Join("cam")
		if err != nil {
			t.Fatal(err)
		}
		if got := v.Codecs()[0].ParameterOr("profile-level-id", ""); !strings.HasPrefix(got, want) {
			t.Errorf("the viewer with number %d is promised %s, want %s…", i, got, want)
		}
		live := r.await(t, "live", isLive)
		if got := live.Tracks[0].Codec.ParameterOr("profile-level-id", ""); !strings.HasPrefix(got, "4d") {
			t.Errorf("sent is %s", got)
		}
		v.Close(nil)
	}
}

// What is nothing for browsers is encoded here, without a pause that anybody has to wait for.
func TestCameraThatEncodesForOthers(t *testing.T) {
	c := camera(t, 640, 360, "H264", "YUYV")
	c.Modes[0].Rates = []float64{30}
	c.Modes[1].Rates = []float64{15} // so that H.264 is nearer
	frame := c.Frame
	c.Frame = func(n int, l videodev.Layout, asked bool) videodev.Frame {
		f := frame(n, l, asked)
		if l.Format == videodev.Code("H264") && n == 5 {
			f.Data = capturetest.Unit([]byte{0x01, 0x9e, 0x41, 0x6c}) // slice_type 6: B
		}
		return f
	}
	r := runCamera(t, c, "ondemand=off&size=640x360&ladder=auto")
	r.await(t, "live with a ladder", func(i broadcast.StreamInfo) bool { return isLive(i) && len(i.Tracks) > 1 })
	if mode := r.Brief().Mode; mode == nil || mode.AsItIs || mode.Format != "YUYV" || !strings.Contains(mode.Why, "B-frames") {
		t.Errorf("the mode is told as %+v", mode)
	}
	if r.log.Count("B-frames") < 1 || r.log.Count("source unavailable") > 0 {
		t.Error("the log does not say why, or calls it a failure")
	}
}

func TestControlsOfASource(t *testing.T) {
	c := camera(t, 640, 360, "YUYV")
	const zoom = 0x009a090d
	c.Controls = []videodev.Control{{ID: zoom, Kind: videodev.Integer, Title: "Zoom, Absolute", Min: 100, Max: 500, Default: 100, Value: 100}}
	r := runCamera(t, c, "ondemand=off&size=640x360&ladder=off&zoom=200")
	r.await(t, "live", isLive)
	info := r.Info(t.Context())
	if info.Problem != "" || len(info.Controls) != 1 || *info.Controls[0].Value != 200 || info.Controls[0].Kept != "200" {
		t.Errorf("got %+v", info)
	}
	if err := r.Change(t.Context(), sourceinfo.Change{Controls: map[string]sourceinfo.Value{"zoom": "600"}}); !errors.Is(err, sourceinfo.ErrInvalid) {
		t.Errorf("got %v, want ErrInvalid", err)
	}
	if err := r.Change(t.Context(), sourceinfo.Change{Controls: map[string]sourceinfo.Value{"zoom": "300"}}); err != nil || c.Value(zoom) != 300 {
		t.Errorf("the zoom is %d, %v", c.Value(zoom), err)
	}
	if spec, err := ParseSpec(r.Brief().URI); err != nil || !strings.Contains(spec.String(), "zoom=300") {
		t.Errorf("to be started with %q: %v", r.Brief().URI, err)
	}

	r.host.Unplug("video0")
	r.await(t, "unplugged", func(i broadcast.StreamInfo) bool { return !i.Live })
	if info := r.Info(t.Context()); info.Problem == "" || info.Controls == nil {
		t.Errorf("of a camera that is not there: %+v", info)
	}
	r.host.Plug("video3", c)
	r.await(t, "live again", isLive)
	if c.Value(zoom) != 300 {
		t.Errorf("the zoom is %d after the camera came back, want 300", c.Value(zoom))
	}

	pattern := New(Config{Broadcaster: r.b, Name: "other", Spec: capturetest.Spec(t, "pattern:")})
	if err := pattern.Change(t.Context(), sourceinfo.Change{Controls: map[string]sourceinfo.Value{"zoom": "1"}}); !errors.Is(err, sourceinfo.ErrInvalid) {
		t.Errorf("a pattern with controls: %v", err)
	}
}
