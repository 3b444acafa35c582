package capture

import (
	"context"
	"fmt"

	"porthole/capture/media"
	"porthole/capture/source"
	"porthole/internal/codec"
	"porthole/internal/sourceinfo"
)

// controlled is a device with controls: a camera. See v4l2.Camera.
type controlled interface {
	Controls(ctx context.Context) ([]sourceinfo.Control, error)
	Change(ctx context.Context, changes map[string]sourceinfo.Value) error
	Kept() source.Controls
	Mode() *sourceinfo.Mode
	OwnCodec() *codec.Codec
}

// controls are those of the camera that is heard with the microphone.
func (h hearing) controls() controlled {
	c, _ := h.Device.(controlled)
	return c
}

// controls returns what the source can be asked for, while it runs; nil: nothing.
func (s *Source) controls() controlled {
	device := s.device.Load()
	if device == nil {
		return nil
	}
	return controlsOf(*device)
}

// controlsOf returns what a device can be asked for; nil: nothing.
func controlsOf(device media.Device) controlled {
	switch d := device.(type) {
	case controlled:
		return d
	case interface{ controls() controlled }:
		return d.controls()
	}
	return nil
}

// Brief is what can be told of the source without asking its device.
func (s *Source) Brief() sourceinfo.Source {
	spec := s.cfg.Spec
	info := sourceinfo.Source{Name: s.cfg.Name, Kind: spec.Kind.String(), Controls: []sourceinfo.Control{}}
	if c := s.controls(); c != nil {
		spec.Controls = c.Kept()
		info.Adjustable, info.Mode = true, c.Mode()
	}
	if s.hasDesk() {
		info.Sound = s.desk.info()
		spec.MicGain = int(s.desk.gain.Load())
	}
	info.URI = source.Shown(spec.Short())
	return info
}

// Info asks the source's device, too, which stays off if it is. It takes as long as the device does, and no longer than ctx.
func (s *Source) Info(ctx context.Context) sourceinfo.Source {
	info := s.Brief()
	if c := s.controls(); c != nil {
		list, err := c.Controls(ctx)
		if err != nil {
			info.Problem = err.Error()
		} else {
			info.Controls = list
		}
	}
	if s.hasDesk() {
		info.Controls = append(info.Controls, s.desk.controls()...)
	}
	return info
}

// hasDesk says whether the source has sound that can be muted.
func (s *Source) hasDesk() bool {
	spec := s.cfg.Spec
	return spec.Kind == source.Pattern && spec.Tone || !spec.Kind.Drawn() && spec.Microphone != source.MicOff
}

// Change changes the source, and has it stay so until the process ends. The error wraps sourceinfo.ErrInvalid, sourceinfo.ErrAway or ctx's.
func (s *Source) Change(ctx context.Context, change sourceinfo.Change) error {
	if len(change.Controls) == 0 {
		return nil
	}
	apply, changes, err := s.desk.plan(change.Controls)
	switch {
	case err != nil:
		return err
	case len(changes) < len(change.Controls) && !s.hasDesk():
		return fmt.Errorf("%w: %q has no sound", sourceinfo.ErrInvalid, s.cfg.Name)
	}
	if len(changes) > 0 {
		c := s.controls()
		if c == nil {
			return fmt.Errorf("%w: a %s has no controls of a camera", sourceinfo.ErrInvalid, s.cfg.Spec.Kind)
		}
		if err := c.Change(ctx, changes); err != nil {
			return err
		}
	}
	apply()
	return nil
}

// Name is the name of the source's stream.
func (s *Source) Name() string { return s.cfg.Name }
