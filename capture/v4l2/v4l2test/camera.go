// Package v4l2test has cameras for tests, in the place of the kernel's: they have the formats, controls and extension units that a test gives
// them, deliver the pictures that it makes, or H.264 that was recorded, and can be pulled out and plugged in again.
package v4l2test

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"porthole/capture/v4l2"
	"porthole/capture/v4l2/videodev"
)

// Camera is one device node. Its exported fields are set before it is plugged in.
type Camera struct {
	Name, Bus string
	Driver    string // "": test
	ID        string // its link in v4l/by-id; "": none
	Modes     []videodev.Mode
	Controls  []videodev.Control
	Units     []videodev.ExtensionUnit
	// Frame makes picture n since streaming began, in the mode that it was configured in; asked says that a keyframe was asked for.
	Frame func(n int, l videodev.Layout, asked bool) videodev.Frame
	// Ask answers an extension unit; nil: it takes everything and says nothing.
	Ask func(unit, selector uint8, q videodev.Query, data []byte) error
	// KeyframeControl is the control that asks for a keyframe; 0: none.
	KeyframeControl uint32
	// Hang lets listing controls wait until the channel is closed.
	Hang atomic.Pointer[chan struct{}]

	mu        sync.Mutex
	gone      bool
	streaming bool
	values    map[uint32]int64 // of controls that were set
	sets      []Set
	configs   []videodev.Setup
	asked     bool
}

// Set is a control that was set.
type Set struct {
	ID    uint32
	Value int64
}

// Host has cameras in a directory of its own.
type Host struct {
	v4l2.Host
	t       testing.TB
	mu      sync.Mutex
	cameras map[string]*Camera // by path
}

// NewHost returns a host without cameras.
func NewHost(t testing.TB) *Host {
	h := &Host{t: t, cameras: make(map[string]*Camera)}
	h.Host = v4l2.Host{Dir: v4l2.Dir(t.TempDir()), Open: h.open}
	return h
}

// Plug gives the host a camera as a node such as "video0". One that was pulled out has forgotten what was set.
func (h *Host) Plug(node string, c *Camera) {
	h.t.Helper()
	path := h.path(node)
	c.mu.Lock()
	c.gone, c.streaming, c.values = false, false, make(map[uint32]int64)
	c.mu.Unlock()
	h.mu.Lock()
	h.cameras[path] = c
	h.mu.Unlock()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		h.t.Fatal(err)
	}
	if c.ID == "" {
		return
	}
	link := h.path(filepath.Join("v4l", "by-id", c.ID))
	if err := os.MkdirAll(filepath.Dir(link), 0o700); err != nil {
		h.t.Fatal(err)
	}
	if err := os.Symlink(path, link); err != nil {
		h.t.Fatal(err)
	}
}

// Unplug takes it away again.
func (h *Host) Unplug(node string) {
	h.t.Helper()
	h.mu.Lock()
	c := h.cameras[h.path(node)]
	delete(h.cameras, h.path(node))
	h.mu.Unlock()
	c.mu.Lock()
	c.gone = true
	c.mu.Unlock()
	if c.ID != "" {
		if err := os.Remove(h.path(filepath.Join("v4l", "by-id", c.ID))); err != nil {
			h.t.Fatal(err)
		}
	}
	if err := os.Remove(h.path(node)); err != nil {
		h.t.Fatal(err)
	}
}

func (h *Host) path(node string) string { return filepath.Join(string(h.Dir), node) }

func (h *Host) open(path string) (v4l2.Node, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c, ok := h.cameras[path]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return &node{camera: c}, nil
}

// Sets lists what was set, in order.
func (c *Camera) Sets() []Set {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.sets)
}

// Value is what a control is now.
func (c *Camera) Value(id uint32) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if value, ok := c.values[id]; ok {
		return value
	}
	for _, control := range c.Controls {
		if control.ID == id {
			return control.Value
		}
	}
	return 0
}

// Configured lists the modes that it was set to, in order.
func (c *Camera) Configured() []videodev.Setup {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.configs)
}

// AskForKeyframe makes the next picture one that was asked for.
func (c *Camera) AskForKeyframe() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = true
}

// node is one opening of a camera.
type node struct {
	camera *Camera
	layout videodev.Layout
	n      int
	next   time.Time // when the next picture is there
	starts bool      // it streams
}

func (n *node) check() error {
	if n.camera.gone {
		return fmt.Errorf("a camera of a test: %w", syscall.ENODEV)
	}
	return nil
}

func (n *node) Capability() (videodev.Capability, error) {
	n.camera.mu.Lock()
	defer n.camera.mu.Unlock()
	return videodev.Capability{Driver: cmp.Or(n.camera.Driver, "test"), Name: n.camera.Name, Bus: n.camera.Bus}, n.check()
}

func (n *node) Modes([][2]int) []videodev.Mode { return n.camera.Modes }

func (n *node) Configure(s videodev.Setup) (videodev.Layout, error) {
	c := n.camera
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.streaming {
		return videodev.Layout{}, fmt.Errorf("a camera of a test: %w", syscall.EBUSY)
	}
	c.configs = append(c.configs, s)
	n.layout = videodev.Layout{Format: s.Format, Width: s.Width, Height: s.Height, Rate: s.Rate}
	return n.layout, n.check()
}

func (n *node) Start(int) error {
	c := n.camera
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.streaming {
		return fmt.Errorf("a camera of a test: %w", syscall.EBUSY)
	}
	c.streaming, n.starts, n.next = true, true, time.Now()
	return n.check()
}

func (n *node) Next(ctx context.Context, within time.Duration) (videodev.Frame, error) {
	wait := min(time.Until(n.next), within)
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return videodev.Frame{}, context.Cause(ctx)
		case <-timer.C:
		}
	}
	c := n.camera
	c.mu.Lock()
	if err := n.check(); err != nil {
		c.mu.Unlock()
		return videodev.Frame{}, err
	}
	if time.Until(n.next) > 0 {
		c.mu.Unlock()
		return videodev.Frame{}, videodev.ErrTimeout
	}
	asked := c.asked
	c.asked = false
	c.mu.Unlock()
	f := c.Frame(n.n, n.layout, asked)
	if f.Sequence == 0 {
		f.Sequence = uint32(n.n)
	}
	f.CapturedAt = n.next
	n.n++
	rate := n.layout.Rate
	if rate == 0 {
		rate = 30
	}
	n.next = n.next.Add(time.Duration(float64(time.Second) / rate))
	return f, nil
}

func (n *node) Release(videodev.Frame) error { return nil }

func (n *node) Controls() ([]videodev.Control, error) {
	c := n.camera
	if hang := c.Hang.Load(); hang != nil {
		<-*hang
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	list := slices.Clone(c.Controls)
	for i := range list {
		if value, ok := c.values[list[i].ID]; ok {
			list[i].Value = value
		}
	}
	return list, n.check()
}

func (n *node) Set(id uint32, value int64) error {
	c := n.camera
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := n.check(); err != nil {
		return err
	}
	if !slices.ContainsFunc(c.Controls, func(o videodev.Control) bool { return o.ID == id }) {
		return fmt.Errorf("a camera of a test: %w", syscall.EINVAL)
	}
	c.values[id] = value
	c.sets = append(c.sets, Set{id, value})
	c.asked = c.asked || id == c.KeyframeControl
	return nil
}

func (n *node) ExtensionUnits() []videodev.ExtensionUnit { return n.camera.Units }

func (n *node) AskUnit(unit, selector uint8, q videodev.Query, data []byte) error {
	if n.camera.Ask == nil {
		return nil
	}
	return n.camera.Ask(unit, selector, q, data)
}

func (n *node) Close() error {
	n.camera.mu.Lock()
	defer n.camera.mu.Unlock()
	if n.starts {
		n.camera.streaming = false
	}
	return nil
}
