package capture

import (
	"log/slog"

	"porthole/capture/media"
	"porthole/capture/microphone"
	"porthole/capture/source"
	"porthole/capture/synthetic"
	"porthole/capture/v4l2"
)

// newDevice returns what the spec asks for, for a stream of this name.
func newDevice(spec source.Spec, name string, log *slog.Logger) media.Device {
	if device := extraDevice(spec, log); device != nil {
		return device
	}
	if spec.Kind.Drawn() {
		return synthetic.NewDevice(spec, name)
	}
	return hearing{v4l2.ThisMachine().New(spec, log), spec.Microphone, log}
}

// hasSound says whether a source will have sound, as far as can be told without opening it.
func hasSound(spec source.Spec) bool {
	switch spec.Kind {
	case source.Slate:
		return false
	case source.Pattern:
		return spec.Tone
	default:
	}
	return spec.Microphone != source.MicOff && (spec.Kind != source.Camera || microphone.Any())
}

// hearing is a camera with a microphone.
type hearing struct {
	media.Device
	microphone string // as the spec names it
	log        *slog.Logger
}

// Open opens the camera, and the microphone if that is possible: pictures without sound are better than nothing.
func (h hearing) Open() (*media.Input, error) {
	in, err := h.Device.Open()
	if err != nil {
		return nil, err
	}
	mic, err := microphone.Open(h.microphone)
	if err != nil {
		h.log.Warn("no sound", "error", err)
		return in, nil
	}
	if mic != nil {
		in.Sound = mic
		in.About = append(in.About, "microphone", mic.Name)
	}
	return in, nil
}
