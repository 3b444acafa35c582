package synthetic

import (
	"time"

	"porthole/capture/media"
	"porthole/capture/source"
)

// Device is what draws as a media.Device. It is always there.
type Device struct {
	spec source.Spec
	name string
}

// NewDevice returns the one that draws what the spec asks for, which is of a drawn kind, for a stream of this name.
func NewDevice(spec source.Spec, name string) Device { return Device{spec, name} }

// Available says that it can be opened.
func (Device) Available() error { return nil }

// Lost says that it is there.
func (Device) Lost() error { return nil }

// WasOpen is true: what is drawn cannot be missing.
func (Device) WasOpen() bool { return true }

// Changed is nil: nothing does.
func (Device) Changed() <-chan struct{} { return nil }

// Close does nothing.
func (Device) Close() {}

// Open begins to draw.
func (d Device) Open() (*media.Input, error) {
	start := time.Now()
	in := &media.Input{FPS: float64(d.spec.FPS), About: []any{"source", d.spec.String()}}
	if d.spec.Kind == source.Slate {
		in.Pictures = NewSlateSource(d.spec, start)
		return in, nil
	}
	pictures := NewPatternSource(d.spec, start)
	pictures.pattern.SetName(d.name)
	in.Pictures = pictures
	if d.spec.Tone {
		in.Sound = NewToneSource(start)
	}
	return in, nil
}
