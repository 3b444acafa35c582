//go:build cgo

package capture

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"porthole/capture/capturetest"
	"porthole/internal/broadcast"
	"porthole/internal/events"
)

// TestRunFeedsABroadcaster is the whole pattern source against the real broadcaster.
func TestRunFeedsABroadcaster(t *testing.T) {
	b := broadcast.New(broadcast.Config{})
	defer b.Close()
	done := make(chan error, 1)
	go func() {
		done <- New(Config{Broadcaster: b, Name: "test", Spec: capturetest.Spec(t, "pattern:?size=320x180&bitrate=300k&ondemand=off")}).Run(t.Context())
	}()
	deadline := time.After(10 * time.Second)
	changes := b.Events().Listen(0, events.Changes)
	defer changes.Close()
	for {
		viewer, err := b.Join("test")
		if err == nil {
			codecs := viewer.Codecs()
			viewer.Close(nil)
			if len(codecs) == 2 {
				break
			}
		}
		select {
		case <-changes.Ready():
		case <-deadline:
			t.Fatalf("no stream with sound and pictures within 10 s: %v", err)
		}
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	select {
	case err := <-done:
		if err == nil {
			t.Error("Run ended without an error after the broadcaster closed")
		}
	case <-deadline:
		t.Error("Run did not end")
	}
}

func TestDevicesAndCheck(t *testing.T) {
	inventory, err := Devices()
	if err != nil || inventory.Cameras == nil || inventory.Microphones == nil {
		t.Errorf("Devices: %+v, %v", inventory, err)
	}
	if err := Check(capturetest.Spec(t, "pattern:")); err != nil {
		t.Errorf("Check of the pattern: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, device := range []string{"/dev/video-there-is-none", file} {
		spec := capturetest.Spec(t, "camera:"+device)
		err := Check(spec)
		if err == nil || !bytes.Contains([]byte(err.Error()), []byte(device)) {
			t.Errorf("Check(%s) = %v, want an error that names it", device, err)
		}
	}
}

// TestProgramIsOnDemand is a program against the real broadcaster: off until somebody watches, then live, or why not.
func TestProgramIsOnDemand(t *testing.T) {
	const works = "exec:ffmpeg -loglevel error -re -f lavfi -i testsrc=size=320x180:rate=30 -c:v libx264 -profile:v baseline -pix_fmt yuv420p -bf 0 -g 15 -f h264 -"
	for uri, state := range map[string]string{
		works: "",
		`exec:sh -c 'echo no such camera >&2; exit 4'`: "program failed: first picture: ",
	} {
		b := broadcast.New(broadcast.Config{})
		changes := b.Events().Listen(0, events.Changes)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		s := New(Config{Broadcaster: b, Name: "test", Spec: capturetest.Spec(t, uri)})
		go func() { done <- s.Run(ctx) }()
		<-s.Known()
		viewer, err := b.Join("test")
		if err != nil {
			t.Fatal(err)
		}
		deadline := time.After(30 * time.Second)
		for {
			list := b.Streams()
			if state == "" && len(list) == 1 && list[0].Live || state != "" && len(list) == 1 && strings.Contains(list[0].SourceState, "no such camera") {
				break
			}
			select {
			case <-changes.Ready():
			case <-deadline:
				t.Fatalf("%.20s: %+v", uri, list)
			}
		}
		viewer.Close(nil)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("%.20s: Run: %v", uri, err)
		}
		changes.Close()
		_ = b.Close()
	}
}
