package v4l2

import (
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"

	"porthole/capture/media"
	"porthole/capture/source"
	"porthole/internal/codec"
	"porthole/internal/sourceinfo"
)

// opener opens a camera again and again.
type opener struct {
	host Host
	spec source.Spec
	log  *slog.Logger
	// opened is called with a node that streams; nil: nobody asks.
	opened func(Node)
	// unsuitable says why the camera's own H.264 cannot be sent to browsers; nil: nothing is known against it.
	unsuitable atomic.Pointer[string]
	is         atomic.Pointer[codec.Codec]     // what the camera's own H.264 was last; nil: not seen
	warned     atomic.Bool                     // that it is sent all the same
	mode       atomic.Pointer[sourceinfo.Mode] // in which it was opened last; nil: not yet
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
	named, canRaw, canOwn := nodes[0].path, have(nodes, isRaw), have(nodes, isOwn)
	n, mode, err := choose(nodes, spec)
	if err != nil {
		return nil, "", err
	}
	why := o.why(mode, canRaw, canOwn)
	if mode.Format == formatH264 {
		in, err := o.encoded(n, mode, canRaw, why)
		return in, named, err
	}
	layout, err := n.start(mode, spec)
	if err != nil {
		return nil, "", err
	}
	mode.Width, mode.Height = layout.Width, layout.Height
	return &media.Input{
		Pictures: NewReader(&rawShots{node: n.Node, layout: layout}, mode, spec, o.log.With("device", n.path)),
		FPS:      ExpectedRate(mode, spec),
		About:    o.started(n, mode, why),
	}, named, nil
}

// started notes what was opened, and returns it for the log.
func (o *opener) started(n *foundNode, mode Choice, why string) []any {
	if o.opened != nil {
		o.opened(n.Node)
	}
	o.mode.Store(&sourceinfo.Mode{
		Device: n.path, Format: mode.Format, Width: mode.Width, Height: mode.Height, FPS: mode.FPS, AsItIs: mode.Format == formatH264, Why: why,
	})
	about := []any{
		"device", n.path, "format", mode.Format, "size", fmt.Sprintf("%dx%d", mode.Width, mode.Height), "fps", mode.FPS, "bitrate", o.spec.Bitrate,
	}
	if why != "" {
		about = append(about, "why", why)
	}
	return about
}

// why says why the camera's own H.264 was taken, or was not; "" where there is none.
func (o *opener) why(mode Choice, canRaw, canOwn bool) string {
	reason, own := o.unsuitable.Load(), mode.Format == formatH264
	switch {
	case !canOwn:
		return ""
	case o.spec.Codec != source.CodecAuto:
		return "codec=" + o.spec.Codec.String()
	case own && !canRaw:
		return "the camera delivers nothing else"
	case own:
		return "encoding here would cost more, and no more quality comes of it"
	case reason != nil:
		return "the camera's own H.264 is not for browsers: " + *reason
	case o.spec.NeedsRaw() != "":
		return o.spec.NeedsRaw() + " takes raw pictures"
	}
	return "encoding here costs little, and gives viewers more than one size, or is nearer to what is asked"
}

func isRaw(m Mode) bool { return m.Format != formatH264 }
func isOwn(m Mode) bool { return m.Format == formatH264 }

func have(nodes []*foundNode, is func(Mode) bool) bool {
	return slices.ContainsFunc(nodes, func(n *foundNode) bool { return slices.ContainsFunc(n.modes, is) })
}

// encoded starts a camera in its own H.264.
func (o *opener) encoded(n *foundNode, mode Choice, canRaw bool, why string) (*media.Input, error) {
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
	mode.Width, mode.Height = layout.Width, layout.Height
	raw := canRaw && o.spec.Codec == source.CodecAuto
	units := newOwnUnits(n.Node, encoder, func(reason string) error { return o.refuse(reason, raw, log) }, &o.is, log)
	return &media.Input{
		Encoded: units, FPS: ExpectedRate(mode, o.spec),
		About: append(o.started(n, mode, why), "keyframes_on_request", encoder.answers(), "ladder", "off: the camera encodes one size; codec=raw has others"),
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
	o.is.Store(nil)
	return fmt.Errorf("%w: %s", source.ErrOtherMode, reason)
}
