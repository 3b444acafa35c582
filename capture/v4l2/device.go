package v4l2

import (
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"

	"porthole/capture/media"
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

// New returns the camera of the host that the spec asks for.
func (h Host) New(spec source.Spec, log *slog.Logger) *Camera {
	o := &opener{host: h, spec: spec, log: log}
	c := NewCamera(spec, h.Dir, o.open)
	c.WithControls(spec.Controls, func(name string) (Node, error) { return h.named(name, c, spec) }, log)
	o.opened = c.controls.apply
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

// opener opens a camera again and again.
type opener struct {
	host Host
	spec source.Spec
	log  *slog.Logger
	// opened is called with a node that streams; nil: nobody asks.
	opened func(Node)
	// unsuitable says why the camera's own H.264 cannot be sent to browsers; nil: nothing is known against it.
	unsuitable atomic.Pointer[string]
	warned     atomic.Bool // that it is sent all the same
}

// open opens the camera of this name, and starts it. The node is the one that has the name; another one of the same camera may stream.
func (o *opener) open(name string) (_ *media.Input, node string, err error) {
	spec := o.spec
	if o.unsuitable.Load() != nil {
		spec.Codec = source.CodecRaw
	}
	nodes, err := o.host.find(name, spec)
	if err != nil {
		return nil, "", err
	}
	named, canRaw := nodes[0].path, haveRaw(nodes)
	n, mode, err := choose(nodes, spec)
	if err != nil {
		return nil, "", err
	}
	if mode.Format == formatH264 {
		in, err := o.encoded(n, mode, canRaw)
		return in, named, err
	}
	layout, err := n.start(mode, spec)
	if err != nil {
		return nil, "", err
	}
	o.started(n)
	mode.Width, mode.Height = layout.Width, layout.Height
	in := &media.Input{
		Pictures: NewReader(&rawShots{node: n.Node, layout: layout}, mode, spec, o.log.With("device", n.path)),
		FPS:      ExpectedRate(mode, spec),
		About:    about(n, mode, spec),
	}
	if reason := o.unsuitable.Load(); reason != nil {
		in.About = append(in.About, "not_h264_because", *reason)
	}
	return in, named, nil
}

func (o *opener) started(n *foundNode) {
	if o.opened != nil {
		o.opened(n.Node)
	}
}

func haveRaw(nodes []*foundNode) bool {
	return slices.ContainsFunc(nodes, func(n *foundNode) bool {
		return slices.ContainsFunc(n.modes, func(m Mode) bool { return m.Format != formatH264 })
	})
}

// encoded starts a camera in its own H.264.
func (o *opener) encoded(n *foundNode, mode Choice, canRaw bool) (*media.Input, error) {
	log := o.log.With("device", n.path)
	encoder := encoderIn(n.Node)
	layout, err := n.configure(mode, o.spec)
	if err == nil {
		if refused := encoder.configure(mode, o.spec); refused != nil {
			log.Debug("the camera's encoder does not take every setting", "error", refused)
		}
		err = n.Start(buffers)
	}
	if err != nil {
		return nil, n.failed(mode, err)
	}
	o.started(n)
	mode.Width, mode.Height = layout.Width, layout.Height
	raw := canRaw && o.spec.Codec == source.CodecAuto
	units := newOwnUnits(n.Node, encoder, func(reason string) error { return o.refuse(reason, raw, log) }, log)
	return &media.Input{
		Encoded: units, FPS: ExpectedRate(mode, o.spec),
		About: append(about(n, mode, o.spec), "keyframes_on_request", encoder.answers(), "ladder", "off: the camera encodes one size; codec=raw has others"),
	}, nil
}

// refuse hears why the camera's H.264 is nothing for browsers, and has it opened again in raw pictures, where it may. Each reason is logged once.
func (o *opener) refuse(reason string, raw bool, log *slog.Logger) error {
	last := o.unsuitable.Load()
	if !raw {
		if o.warned.Swap(true) {
			return nil
		}
		log.Warn("the camera's H.264 is sent as it is, and will not play everywhere; codec=raw encodes here", "reason", reason)
		return nil
	}
	if last == nil {
		log.Warn("the camera's H.264 is not for browsers: raw pictures are taken and encoded here", "reason", reason)
	}
	o.unsuitable.Store(&reason)
	return fmt.Errorf("%w: %s", source.ErrOtherMode, reason)
}

func about(n *foundNode, mode Choice, spec source.Spec) []any {
	return []any{
		"device", n.path, "format", mode.Format, "size", fmt.Sprintf("%dx%d", mode.Width, mode.Height), "fps", mode.FPS, "bitrate", spec.Bitrate,
	}
}
