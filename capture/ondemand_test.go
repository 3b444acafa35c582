//go:build cgo

package capture

import (
	"context"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"porthole/capture/capturetest"
	"porthole/capture/encode"
	"porthole/internal/broadcast"
	"porthole/internal/codec"
	"porthole/internal/events"
)

// firstPicture is a sink that waits for the first packet with a keyframe.
type firstPicture struct {
	once sync.Once
	came chan struct{}
}

func (s *firstPicture) WriteRTP(_ *rtp.Header, payload []byte) (int, error) {
	if codec.IsKeyframe(encode.H264(), payload) {
		s.once.Do(func() { close(s.came) })
	}
	return len(payload), nil
}
func (s *firstPicture) Flush() error                  { return nil }
func (s *firstPicture) WriteRTCP([]rtcp.Packet) error { return nil }

// demand is a source that runs with a real encoder and a real broadcaster.
type demand struct {
	b      *broadcast.Broadcaster
	source *Source
}

func newDemand(t *testing.T, uri string) demand {
	t.Helper()
	d := demand{b: broadcast.New(broadcast.Config{})}
	d.source = New(Config{Broadcaster: d.b, Name: "cam", Spec: capturetest.Spec(t, uri)})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.source.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run ended with %v", err)
		}
		_ = d.b.Close()
	})
	return d
}

// await waits until the stream is as it should be.
func (d demand) await(t *testing.T, what string, ok func(broadcast.StreamInfo) bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	changes := d.b.Events().Listen(0, events.Changes)
	defer changes.Close()
	for {
		info, _ := d.b.Stream("cam")
		if ok(info) {
			return
		}
		select {
		case <-changes.Ready():
		case <-deadline:
			t.Fatalf("not %s within 20 s: %+v", what, info)
		}
	}
}

func isOff(i broadcast.StreamInfo) bool {
	return i.State == broadcast.StateStandby && strings.HasSuffix(i.SourceState, "off while nobody watches")
}

// watch has a viewer from joining to the first keyframe, and tells how long that took.
func (d demand) watch(t *testing.T) time.Duration {
	t.Helper()
	start := time.Now()
	viewer, err := d.b.Join("cam")
	if err != nil {
		t.Fatal(err)
	}
	defer viewer.Close(nil)
	sink := &firstPicture{came: make(chan struct{})}
	if err := viewer.Start(broadcast.ViewerConfig{Sink: sink, Video: &broadcast.TrackConfig{SSRC: 1, PayloadType: 96}}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-sink.came:
		return time.Since(start)
	case <-viewer.Done():
		t.Fatalf("the viewer ended: %v", viewer.Err())
	case <-time.After(20 * time.Second):
		t.Fatal("no picture within 20 s")
	}
	return 0
}

// TestOnDemandFromTheFirstViewerOn measures how long the first viewer waits. 300 ms is what is promised, on a machine that does
// nothing else; this asserts what also holds on a busy one.
func TestOnDemandFromTheFirstViewerOn(t *testing.T) {
	d := newDemand(t, "pattern:?ondemand=0s")
	var times []time.Duration
	for range 5 {
		d.await(t, "off", isOff)
		times = append(times, d.watch(t))
	}
	slices.Sort(times)
	t.Logf("first picture of 1280x720 after %v", times)
	if best := times[0]; best > 2*time.Second {
		t.Errorf("the first viewer waits %v at best", best)
	}
}

// TestOnDemandCyclesLeakNothing switches a source on and off again and again.
func TestOnDemandCyclesLeakNothing(t *testing.T) {
	d := newDemand(t, "pattern:?size=160x90&fps=30&ondemand=0s")
	cycle := func() {
		d.await(t, "off", isOff)
		_ = d.watch(t)
	}
	for range 5 {
		cycle() // what is made once, is made
	}
	d.await(t, "off", isOff)
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	for range 100 {
		cycle()
	}
	d.await(t, "off", isOff)
	if now := runtime.NumGoroutine(); now > goroutines+2 {
		t.Errorf("%d goroutines before, %d after 100 cycles", goroutines, now)
	}
	if now := openFiles(t); now > files+2 {
		t.Errorf("%d open files before, %d after 100 cycles", files, now)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// What a viewer negotiates while the source is off must be what it gets.
func TestStandbyCodecsAreWhatComes(t *testing.T) {
	for _, uri := range []string{"pattern:?ondemand=0s", "pattern:?size=320x180&audio=off&ondemand=0s", "slate:?ondemand=0s", "slate:?size=3840x2160&ondemand=0s"} {
		d := newDemand(t, uri)
		d.await(t, "off", isOff)
		viewer, err := d.b.Join("cam")
		if err != nil {
			t.Fatal(err)
		}
		promised := viewer.Codecs()
		d.await(t, "live", func(i broadcast.StreamInfo) bool { return i.Live })
		info, _ := d.b.Stream("cam")
		var sent []codec.Codec
		for _, track := range info.Tracks {
			if !track.OnDemand { // the ladder is of the same kind
				sent = append(sent, track.Codec)
			}
		}
		if !slices.Equal(promised, sent) {
			t.Errorf("%s: promised %v, sent %v", uri, promised, sent)
		}
		viewer.Close(nil)
	}
}

// Who waits for Known finds a stream that can be joined.
func TestKnownSourceCanBeJoined(t *testing.T) {
	d := newDemand(t, "pattern:?size=160x96&ondemand=5s")
	select {
	case <-d.source.Known():
	case <-time.After(20 * time.Second):
		t.Fatal("not known within 20 s")
	}
	v, err := d.b.Join("cam")
	if err != nil {
		t.Fatal(err)
	}
	v.Close(nil)
}

// Nobody waits for a source that cannot even begin.
func TestSourceThatFailsIsKnown(t *testing.T) {
	b := broadcast.New(broadcast.Config{})
	b.Close()
	s := New(Config{Broadcaster: b, Name: "cam", Spec: capturetest.Spec(t, "pattern:")})
	if err := s.Run(t.Context()); err == nil {
		t.Fatal("ran with a broadcaster that is closed")
	}
	select {
	case <-s.Known():
	default:
		t.Error("not known")
	}
}
