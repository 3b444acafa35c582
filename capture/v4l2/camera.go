// Package v4l2 opens cameras: under the name that lasts, in the mode that suits best, and with their controls as they are wanted. It notices which
// come and go, and keeps each source to its camera.
package v4l2

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"porthole/capture/media"
	"porthole/capture/source"
	"porthole/internal/codec"
	"porthole/internal/sourceinfo"
)

// Camera is a camera as a media.Device. It keeps to the one that it had first, under whatever number it comes back. Its controls may be asked
// and changed by any goroutine.
type Camera struct {
	*deviceWatch
	open     func(name string) (in *media.Input, node string, err error)
	controls *controls               // nil: it has none
	mode     func() *sourceinfo.Mode // nil: it is not told
	own      func() *codec.Codec     // likewise

	mu     sync.Mutex // not held while anything is opened
	camera remembered // guarded by mu
	was    openedNode // guarded by mu; what was opened last
}

// NewCamera returns the camera of a directory that the spec asks for. open opens it under the name that it has there by then,
// and says which node that was.
func NewCamera(spec source.Spec, dir Dir, open func(name string) (*media.Input, string, error)) *Camera {
	return &Camera{deviceWatch: watchDevices(dir), open: open, camera: remember(dir, spec.Device)}
}

// WithControls gives the camera controls, and returns it: what they are kept at first, and how to open the node of the camera with a name.
func (c *Camera) WithControls(wanted source.Controls, open func(name string) (Node, error), log *slog.Logger) *Camera {
	c.controls = newControls(wanted, func() (Node, error) {
		name, err := c.name()
		if err != nil {
			return nil, err
		}
		return open(name)
	}, log)
	return c
}

// Available looks for the camera, without opening it.
func (c *Camera) Available() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.camera.Look()
}

// WasOpen says whether the camera has been opened.
func (c *Camera) WasOpen() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.was.path != ""
}

// Lost says why the camera that was opened last is not there any more. It also looks again at the names of those that are.
func (c *Camera) Lost() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.was.lost(); err != nil {
		return err
	}
	if c.camera.renamed(c.was.path) { // the link came late
		return anotherHas(c.was.path)
	}
	c.camera.learn(c.was.path)
	return nil
}

func anotherHas(node string) error {
	return fmt.Errorf("%s: %w: another camera has its place", node, source.ErrDeviceGone)
}

// name is what to open. The error says that there is nothing.
func (c *Camera) name() (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.camera.name(), c.camera.Look()
}

// isAnother says whether the camera at node is known not to be this one.
func (c *Camera) isAnother(node string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.camera.other(node)
}

// Open opens the camera.
func (c *Camera) Open() (*media.Input, error) {
	name, err := c.name()
	if err != nil {
		return nil, err
	}
	in, node, err := c.open(name)
	if err != nil {
		return nil, err
	}
	if c.isAnother(node) { // the link has moved since we looked
		_ = in.Close()
		return nil, anotherHas(node)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.was = opened(node)
	c.camera.learn(node)
	in.About = append(in.About, "name", c.camera.String())
	return in, nil
}

// Close ends looking for cameras, and waits for who asks for controls.
func (c *Camera) Close() {
	c.deviceWatch.Close()
	if c.controls != nil {
		c.controls.wait.Wait()
	}
}

// Controls lists what can be set about the camera, and what it is now. It may be off, and stays so. The error is sourceinfo.ErrAway or ctx's.
func (c *Camera) Controls(ctx context.Context) ([]sourceinfo.Control, error) {
	if c.controls == nil {
		return []sourceinfo.Control{}, nil
	}
	return c.controls.list(ctx)
}

// Change sets controls, and keeps them so whenever the camera is opened. The error is sourceinfo.ErrInvalid, ErrAway or ctx's.
func (c *Camera) Change(ctx context.Context, changes map[string]sourceinfo.Value) error {
	if c.controls == nil {
		return fmt.Errorf("%w: this camera has no controls", sourceinfo.ErrInvalid)
	}
	return c.controls.change(ctx, changes)
}

// Mode is how the camera was opened last; nil: not yet.
func (c *Camera) Mode() *sourceinfo.Mode {
	if c.mode == nil {
		return nil
	}
	return c.mode()
}

// OwnCodec is what the camera's own H.264 was when it was sent last; nil: it was not.
func (c *Camera) OwnCodec() *codec.Codec {
	if c.own == nil {
		return nil
	}
	return c.own()
}

// Kept is what the controls are kept at, as a spec says it.
func (c *Camera) Kept() source.Controls {
	if c.controls == nil {
		return ""
	}
	return c.controls.spec()
}
