package v4l2

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"porthole/capture/media"
	"porthole/capture/source"
)

// fakeDev is a directory as udev leaves it.
type fakeDev struct {
	t   *testing.T
	dir Dir
}

func newFakeDev(t *testing.T) fakeDev {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return fakeDev{t, Dir(dir)}
}

func (d fakeDev) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// plug makes a node, and its links in order.
func (d fakeDev) plug(node string, links ...string) {
	d.t.Helper()
	d.must(os.WriteFile(d.dir.join(node), nil, 0o600))
	for _, link := range links {
		d.link(node, link)
	}
}

// link gives a node a lasting name.
func (d fakeDev) link(node, name string) {
	d.t.Helper()
	name = d.dir.join("v4l", name)
	d.must(os.MkdirAll(filepath.Dir(name), 0o755))
	d.must(os.Symlink(filepath.Join("../..", node), name))
}

func (d fakeDev) unplug(node string) {
	d.t.Helper()
	for _, link := range d.dir.links(d.dir.join(node)) {
		d.must(os.Remove(link))
	}
	d.must(os.Remove(d.dir.join(node)))
}

func TestCamerasAreRememberedByTheirLastingName(t *testing.T) {
	d := newFakeDev(t)
	d.plug("video0", "by-id/usb-A-index0", "by-path/pci-1-index0")
	d.plug("video1", "by-path/pci-1-index1")
	d.plug("video2")
	d.must(os.Symlink("video0", d.dir.join("door")))
	for _, test := range []struct{ asked, node, want string }{
		{"", "video0", "v4l/by-id/usb-A-index0"},
		{d.dir.join("video0"), "video0", "v4l/by-id/usb-A-index0"},
		{"usb-a", "video0", "v4l/by-id/usb-A-index0"},
		{"", "video1", "v4l/by-path/pci-1-index1"},
		{"", "video2", "video2"},
		{d.dir.join("video2"), "video2", "video2"},
		{"by-path/pci-1-index0", "video0", "v4l/by-path/pci-1-index0"}, // the socket was chosen, not the camera
		{d.dir.join("door"), "video0", "door"},
	} {
		r := remember(d.dir, test.asked)
		r.learn(d.dir.join(test.node))
		if got := r.String(); got != d.dir.join(test.want) {
			t.Errorf("asked for %q, opened %s: remembered as %s, want %s", test.asked, test.node, got, test.want)
		}
	}
	for node, want := range map[string]string{"video0": "by-id/usb-A-index0", "video1": "by-path/pci-1-index1", "video2": ""} {
		if got := d.dir.id(d.dir.join(node)); got != want {
			t.Errorf("%s is shown as %q, want %q", node, got, want)
		}
	}
	for name, want := range map[string]bool{"usb-a": true, "PCI-1": true, "video0": true, "hd pro": true, "usb-B": false} {
		if got := d.dir.named(name, d.dir.join("video0"), "HD Pro Webcam"); got != want {
			t.Errorf("named(%q) = %v", name, got)
		}
	}
}

// The camera comes back under another number, while its old one is another camera's.
func TestReplugUnderAnotherNumber(t *testing.T) {
	d := newFakeDev(t)
	d.plug("video0", "by-id/usb-A")
	var asked []string
	o := NewCamera(source.Spec{Device: d.dir.join("video0")}, d.dir, func(name string) (*media.Input, string, error) {
		asked = append(asked, filepath.Base(name))
		node, err := resolve(d.dir.path(name))
		return &media.Input{}, node, err
	})
	defer o.Close()
	open := func() {
		t.Helper()
		if _, err := o.Open(); err != nil {
			t.Fatal(err)
		}
	}
	if o.WasOpen() {
		t.Error("known before it was open")
	}
	open()
	if err := o.Lost(); err != nil || !o.WasOpen() {
		t.Errorf("a camera that is there: %v", err)
	}
	d.must(os.Link(d.dir.join("video0"), d.dir.join("kept"))) // so that the next one is another file, as in /dev
	d.unplug("video0")
	if err := o.Lost(); !errors.Is(err, source.ErrDeviceGone) {
		t.Errorf("unplugged: %v, want ErrDeviceGone", err)
	}
	d.plug("video0", "by-id/usb-B")
	if err := o.Available(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("another camera has the number: %v, want ErrNotExist", err)
	}
	if err := o.Lost(); !errors.Is(err, source.ErrDeviceGone) {
		t.Errorf("another camera has the number: %v, want ErrDeviceGone", err)
	}
	d.plug("video3", "by-id/usb-A")
	if err := o.Available(); err != nil {
		t.Errorf("back under another number: %v", err)
	}
	open()
	if want := []string{"video0", "usb-A"}; !slices.Equal(asked, want) {
		t.Errorf("opened as %q, want %q", asked, want)
	}
	if err := o.Lost(); err != nil {
		t.Errorf("after it was opened again: %v", err)
	}
}

// A camera that is open before it has its name is found by it all the same.
func TestNameThatComesLate(t *testing.T) {
	d := newFakeDev(t)
	d.plug("video0")
	o := NewCamera(source.Spec{}, d.dir, func(name string) (*media.Input, string, error) {
		path := d.dir.path(name)
		if path == "" {
			path = d.dir.join("video0")
		}
		node, err := resolve(path)
		return &media.Input{}, node, err
	})
	defer o.Close()
	if _, err := o.Open(); err != nil {
		t.Fatal(err)
	}
	d.link("video0", "by-id/usb-A")
	if err := o.Lost(); err != nil {
		t.Error(err)
	}
	d.unplug("video0")
	d.plug("video0", "by-id/usb-B")
	if err := o.Available(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("another camera has the number: %v, want ErrNotExist", err)
	}
	d.plug("video1", "by-id/usb-A")
	if err := o.Available(); err != nil {
		t.Errorf("back under another number: %v", err)
	}
}

func TestLook(t *testing.T) {
	d := newFakeDev(t)
	for _, name := range []string{"", "C920"} {
		if err := d.dir.Look(name); !errors.Is(err, source.ErrNoCamera) {
			t.Errorf("look(%q) without any camera: %v, want ErrNoCamera", name, err)
		}
	}
	if err := d.dir.Look("by-id/usb-A"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a name that is not there: %v, want ErrNotExist", err)
	}
	d.plug("video0", "by-id/usb-A")
	for _, name := range []string{"", "C920", "by-id/usb-A", d.dir.join("video0")} {
		if err := d.dir.Look(name); err != nil {
			t.Errorf("look(%q): %v", name, err)
		}
	}
}

// Both ways of watching notice nodes and names that come and go, and permissions.
func TestWatchingDevices(t *testing.T) {
	for name, begin := range map[string]func(Dir) *deviceWatch{
		"told by the system": watchDevices,
		"by looking again":   pollOnly,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newFakeDev(t)
			w := begin(d.dir)
			defer w.Close()
			await := func(what string, change func()) {
				t.Helper()
				changed := w.Changed()
				change()
				select {
				case <-changed:
				case <-time.After(10 * time.Second):
					t.Fatalf("%s was not noticed", what)
				}
			}
			await("a camera", func() { d.plug("video0") })
			await("a second one with its names", func() { d.plug("video1", "by-id/usb-A", "by-path/pci-1") })
			await("a changed permission", func() { d.must(os.Chmod(d.dir.join("video0"), 0o640)) })
			await("one more name", func() { d.plug("video2", "by-id/usb-B") })
			await("its going", func() { d.unplug("video1") })
		})
	}
}

// pollOnly is watchDevices on a system that gives no notice.
func pollOnly(dir Dir) *deviceWatch {
	w := newDeviceWatch()
	before := dir.snapshot()
	w.start(func(ctx context.Context) { w.poll(ctx, dir, before) })
	return w
}

func TestPermissionIsLookedAt(t *testing.T) {
	d := newFakeDev(t)
	d.plug("video0")
	node := d.dir.join("video0")
	d.must(os.Chmod(node, 0))
	f, err := os.OpenFile(node, os.O_RDWR, 0) // root may do everything
	if err == nil {
		f.Close()
	}
	if looked := d.dir.Look(node); errors.Is(looked, fs.ErrPermission) != errors.Is(err, fs.ErrPermission) {
		t.Errorf("Available says %v, opening it %v", looked, err)
	}
}
