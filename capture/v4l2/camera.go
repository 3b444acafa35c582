// Package v4l2 opens cameras, through pion/mediadevices: under the name that lasts, in the mode that suits best. It notices which
// come and go, and keeps each source to its camera. Without cgo it knows their names, and opens none.
package v4l2

import (
	"fmt"

	"porthole/capture/media"
	"porthole/capture/source"
)

// Camera is a camera as a media.Device. It keeps to the one that it had first, under whatever number it comes back.
type Camera struct {
	*deviceWatch
	open func(name string) (in *media.Input, node string, err error)

	camera remembered
	was    openedNode // what was opened last
}

// NewCamera returns the camera of a directory that the spec asks for. open opens it under the name that it has there by then,
// and says which node that was.
func NewCamera(spec source.Spec, dir Dir, open func(name string) (*media.Input, string, error)) *Camera {
	return &Camera{deviceWatch: watchDevices(dir), open: open, camera: remember(dir, spec.Device)}
}

// Available looks for the camera, without opening it.
func (c *Camera) Available() error { return c.camera.Look() }

// WasOpen says whether the camera has been opened.
func (c *Camera) WasOpen() bool { return c.was.path != "" }

// Lost says why the camera that was opened last is not there any more. It also looks again at the names of those that are.
func (c *Camera) Lost() error {
	if err := c.was.lost(); err != nil {
		return err
	}
	if c.camera.renamed(c.was.path) { // the link came late
		return fmt.Errorf("%s: %w: another camera has its place", c.was.path, source.ErrDeviceGone)
	}
	c.camera.learn(c.was.path)
	return nil
}

// Open opens the camera.
func (c *Camera) Open() (*media.Input, error) {
	if err := c.Available(); err != nil {
		return nil, err
	}
	in, node, err := c.open(c.camera.name())
	if err != nil {
		return nil, err
	}
	if c.camera.other(node) { // the link has moved since we looked
		_ = in.Close()
		return nil, fmt.Errorf("%s: %w: another camera has its place", node, source.ErrDeviceGone)
	}
	c.was = opened(node)
	c.camera.learn(node)
	in.About = append(in.About, "name", c.camera.String())
	return in, nil
}
