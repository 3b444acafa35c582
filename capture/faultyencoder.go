//go:build faults

package capture

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"porthole/capture/encode"
	"porthole/capture/media"
	"porthole/capture/source"
	"porthole/capture/synthetic"
	"porthole/capture/v4l2"
	"porthole/capture/v4l2/videodev"
)

// forceKeyframe is the kernel's control that asks an encoder for a keyframe.
const forceKeyframe = 0x00990900 + 229

// faultyHost is a machine with one camera, which encodes H.264. Everything above the calls of the kernel is as for a real one.
func faultyHost(dir v4l2.Dir, spec source.Spec) v4l2.Host {
	controls := newFaultyControls()
	controls.list = append(controls.list, videodev.Control{ID: forceKeyframe, Kind: videodev.Button, Title: "Force Key Frame"})
	return v4l2.Host{Dir: dir, Open: func(path string) (v4l2.Node, error) {
		switch fault, _, err := faultOf(path); {
		case err != nil:
			return nil, err
		case fault == "busy":
			return nil, fmt.Errorf("%s: %w", path, syscall.EBUSY)
		case fault == "permission":
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission}
		}
		return &encodingNode{faultyNode: faultyNode{controls: controls}, path: path, spec: spec}, nil
	}}
}

// encodingNode encodes the test picture.
type encodingNode struct {
	faultyNode
	path     string
	spec     source.Spec
	keyframe atomic.Bool

	pictures *synthetic.PatternSource
	encoder  encode.VideoEncoder
	sequence uint32
}

// Capability has the node's name for a bus.
func (n *encodingNode) Capability() (videodev.Capability, error) {
	return videodev.Capability{Driver: "faulty", Name: "Faulty", Bus: filepath.Base(n.path)}, nil
}

// Modes is the one that is asked for.
func (n *encodingNode) Modes([][2]int) []videodev.Mode {
	return []videodev.Mode{{Format: videodev.Code("H264"), Width: n.spec.Width, Height: n.spec.Height, Rates: []float64{float64(n.spec.FPS)}}}
}

// Configure takes what it is told.
func (n *encodingNode) Configure(s videodev.Setup) (videodev.Layout, error) {
	return videodev.Layout{Format: s.Format, Width: s.Width, Height: s.Height, Rate: s.Rate}, nil
}

// Start builds the encoder.
func (n *encodingNode) Start(int) error {
	library, err := encode.New(nil)
	if err != nil {
		return err
	}
	n.pictures = synthetic.NewPatternSource(n.spec, time.Now())
	n.encoder, err = library.NewVideo(encode.Params{Width: n.spec.Width, Height: n.spec.Height, FPS: float64(n.spec.FPS), Bitrate: n.spec.Bitrate})
	return err
}

// Next encodes the next picture; one that the encoder leaves out is left out.
func (n *encodingNode) Next(ctx context.Context, _ time.Duration) (videodev.Frame, error) {
	for {
		if fault, _, err := faultOf(n.path); err != nil || fault == "gone" {
			return videodev.Frame{}, syscall.ENODEV
		}
		var p media.Picture
		if err := n.pictures.Read(ctx, &p); err != nil {
			return videodev.Frame{}, err
		}
		unit, err := n.encoder.Encode(&p, n.keyframe.Swap(false))
		if err != nil {
			return videodev.Frame{}, err
		}
		if len(unit) > 0 {
			n.sequence++
			return videodev.Frame{Data: unit, CapturedAt: p.CapturedAt, Sequence: n.sequence}, nil
		}
	}
}

// Release does nothing.
func (n *encodingNode) Release(videodev.Frame) error { return nil }

// ExtensionUnits are those of USB cameras.
func (n *encodingNode) ExtensionUnits() []videodev.ExtensionUnit { return nil }

// AskUnit has nothing to ask.
func (n *encodingNode) AskUnit(uint8, uint8, videodev.Query, []byte) error {
	return errors.ErrUnsupported
}

// Set asks for a keyframe, or notes a value.
func (n *encodingNode) Set(id uint32, value int64) error {
	if id == forceKeyframe {
		n.keyframe.Store(true)
		return nil
	}
	return n.faultyNode.Set(id, value)
}

// Close closes the encoder.
func (n *encodingNode) Close() error {
	if n.encoder == nil {
		return nil
	}
	return n.encoder.Close()
}
