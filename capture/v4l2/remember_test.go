package v4l2

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"porthole/capture/media"
	"porthole/capture/source"
	"porthole/capture/synthetic"
)

// openAs is a camera of d that was opened once.
func (d fakeDev) openAs(device string) *Camera {
	d.t.Helper()
	o := NewCamera(source.Spec{Device: device}, d.dir, func(name string) (*media.Input, string, error) {
		node, err := resolve(d.dir.path(name))
		return &media.Input{}, node, err
	})
	d.t.Cleanup(o.Close)
	if _, err := o.Open(); err != nil {
		d.t.Fatal(err)
	}
	return o
}

// opensAs checks which camera a source finds; "" is none.
func (d fakeDev) opensAs(o *Camera, want string) {
	d.t.Helper()
	looked := o.Available()
	_, err := o.Open()
	switch {
	case want == "" && (err == nil || looked == nil):
		d.t.Errorf("opened %s, want none; Available says %v", filepath.Base(o.was.path), looked)
	case want == "" && !errors.Is(err, fs.ErrNotExist):
		d.t.Errorf("got %v, want ErrNotExist", err)
	case want != "" && err != nil:
		d.t.Errorf("got %v, want %s", err, want)
	case want != "" && o.was.path != d.dir.join(want):
		d.t.Errorf("opened %s, want %s", filepath.Base(o.was.path), want)
	}
}

// twins plugs in two cameras of one model and serial number: udev makes one link in
// by-id for both, which leads to the one that was plugged in last.
func twins(t *testing.T) (d fakeDev, door, bedroom *Camera) {
	d = newFakeDev(t)
	d.plug("video0", "by-path/socket-1")
	d.plug("video2", "by-id/usb-Cam", "by-path/socket-2")
	return d, d.openAs(d.dir.join("video0")), d.openAs(d.dir.join("video2"))
}

// A stream never shows another camera because its own was pulled out.
func TestTwoCamerasOfOneName(t *testing.T) {
	d, door, bedroom := twins(t)
	d.unplug("video2")
	d.link("video0", "by-id/usb-Cam") // udev gives the name to the one that is left
	if err := bedroom.Lost(); !errors.Is(err, source.ErrDeviceGone) {
		t.Errorf("the bedroom's camera is pulled out: %v, want ErrDeviceGone", err)
	}
	if err := door.Lost(); err != nil {
		t.Errorf("the door's camera is there: %v", err)
	}
	d.opensAs(bedroom, "")
	if err := bedroom.Available(); !strings.Contains(err.Error(), "another camera has the same name") {
		t.Errorf("the reason is not told: %v", err)
	}
	d.opensAs(door, "video0")

	// Plugged in again, under another number; the name stays with the first one.
	d.plug("video5", "by-path/socket-2")
	d.opensAs(bedroom, "video5")
	d.opensAs(door, "video0")
	// Or it moves.
	d.must(os.Remove(d.dir.join("v4l/by-id/usb-Cam")))
	d.link("video5", "by-id/usb-Cam")
	if err := errors.Join(door.Lost(), bedroom.Lost()); err != nil {
		t.Error(err)
	}
	d.opensAs(bedroom, "video5")
	d.opensAs(door, "video0")

	// Now the door's is pulled out.
	d.unplug("video0")
	d.opensAs(door, "")
	d.opensAs(bedroom, "video5")
}

// The second one comes while the first is open, and takes its name.
func TestTwinThatComesLater(t *testing.T) {
	d := newFakeDev(t)
	d.plug("video0", "by-id/usb-Cam", "by-path/socket-1")
	door := d.openAs("by-id/usb-Cam")
	d.must(os.Remove(d.dir.join("v4l/by-id/usb-Cam")))
	d.plug("video2", "by-path/socket-2", "by-id/usb-Cam")
	if err := door.Lost(); err != nil {
		t.Fatal(err)
	}
	d.opensAs(door, "video0")
	d.unplug("video0")
	d.opensAs(door, "")
	d.plug("video0", "by-path/socket-1")
	d.opensAs(door, "video0")
}

// A camera that is the only one of its name is found in any socket.
func TestCameraMovesToAnotherSocket(t *testing.T) {
	d := newFakeDev(t)
	d.plug("video0", "by-id/usb-A", "by-path/socket-1")
	d.plug("video2", "by-id/usb-B", "by-path/socket-2")
	a := d.openAs(d.dir.join("video0"))
	d.unplug("video0")
	d.unplug("video2")
	d.plug("video1", "by-id/usb-A", "by-path/socket-2")
	d.opensAs(a, "video1")
	d.unplug("video1")
	d.plug("video1", "by-id/usb-B", "by-path/socket-2") // in the socket where ours was last
	d.opensAs(a, "")
	d.plug("video7", "by-id/usb-A", "by-path/socket-1")
	d.opensAs(a, "video7")
}

// The link turns out to be another camera's after it was opened.
func TestLinkMovesWhileItIsOpened(t *testing.T) {
	d, _, bedroom := twins(t)
	d.must(os.Remove(d.dir.join("v4l/by-path/socket-2")))
	bedroom.camera.socket = "" // known by its name only
	bedroom.open = func(string) (*media.Input, string, error) {
		return &media.Input{Pictures: synthetic.NewPatternSource(source.Spec{Width: 16, Height: 16, FPS: 1}, time.Now())}, d.dir.join("video0"), nil
	}
	if _, err := bedroom.Open(); !errors.Is(err, source.ErrDeviceGone) {
		t.Errorf("got %v, want ErrDeviceGone", err)
	}
}

// What is listed for --source tells two cameras of one model apart.
func TestTwinsAreListedByTheirSockets(t *testing.T) {
	d := newFakeDev(t)
	for node, links := range map[string][]string{
		"video0": {"by-path/socket-1"},
		"video2": {"by-id/usb-Cam", "by-path/socket-2"},
		"video4": {"by-id/usb-Other", "by-path/socket-3"},
	} {
		d.plug(node, links...)
		d.must(os.MkdirAll(d.dir.join("sys", node), 0o755))
		d.must(os.WriteFile(d.dir.join("sys", node, "name"), []byte(map[bool]string{true: "Other\n", false: "Cam: Cam\n"}[node == "video4"]), 0o600))
	}
	for node, want := range map[string]string{"video0": "by-path/socket-1", "video2": "by-path/socket-2", "video4": "by-id/usb-Other"} {
		if got := d.dir.id(d.dir.join(node)); got != want {
			t.Errorf("%s is listed as %s, want %s", node, got, want)
		}
	}
}
