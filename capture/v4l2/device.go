package v4l2

import (
	"fmt"
	"log/slog"

	"porthole/capture/source"
)

// Check opens the camera and closes it again. One that is on demand is not started: its light stays off.
func (h Host) Check(spec source.Spec) error {
	nodes, err := h.find(spec.Device, spec)
	if err != nil {
		return err
	}
	n, mode, err := choose(nodes, spec)
	if err != nil {
		return err
	}
	if err := checkControls(n.Node, spec.Controls); err != nil {
		_ = n.Close()
		return fmt.Errorf("%s: %w", n.path, err)
	}
	if !spec.OnDemand {
		if _, err := n.start(mode, spec); err != nil {
			return err
		}
	}
	if err := n.Close(); err != nil {
		return fmt.Errorf("%s: close: %w", n.path, err)
	}
	return nil
}

// EncodesItself says whether the spec would have the camera send H.264 of its own, as far as can be told without pictures.
func (h Host) EncodesItself(spec source.Spec) bool {
	nodes, err := h.find(spec.Device, spec)
	if err != nil {
		return false
	}
	n, mode, err := choose(nodes, spec)
	if err != nil {
		return false
	}
	_ = n.Close()
	return mode.Format == formatH264
}

// New returns the camera of the host that the spec asks for.
func (h Host) New(spec source.Spec, log *slog.Logger) *Camera {
	o := &opener{host: h, spec: spec, log: log}
	c := NewCamera(spec, h.Dir, o.open)
	c.WithControls(spec.Controls, func(name string) (Node, error) { return h.named(name, c, spec) }, log)
	o.opened, c.mode, c.own = c.controls.apply, o.mode.Load, o.is.Load
	return c
}

// named opens the node of a camera that has its name.
func (h Host) named(name string, c *Camera, spec source.Spec) (Node, error) {
	nodes, err := h.find(name, spec)
	if err != nil {
		return nil, err
	}
	closeAll(nodes[1:])
	if c.isAnother(nodes[0].path) {
		closeAll(nodes[:1])
		return nil, anotherHas(nodes[0].path)
	}
	return nodes[0], nil
}
