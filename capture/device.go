package capture

import (
	"log/slog"

	"porthole/capture/media"
	"porthole/capture/microphone"
	"porthole/capture/program"
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
	if spec.Kind == source.Exec {
		return program.NewDevice(spec)
	}
	return hearing{v4l2.ThisMachine().New(spec, log), spec.Microphone, log}
}

// hasSound says whether a source will have sound, as far as can be told without opening it.
func hasSound(spec source.Spec) bool {
	switch spec.Kind {
	case source.Slate, source.Exec:
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

// Open opens the camera, and the microphone if there is one; else its sound begins when there is.
func (h hearing) Open() (*media.Input, error) {
	in, err := h.Device.Open()
	if err != nil {
		return nil, err
	}
	if mic := microphone.Open(h.microphone, h.log); mic != nil {
		in.Sound, in.SoundLater = mic, mic.Name() == ""
		if !in.SoundLater {
			in.About = append(in.About, "microphone", mic.Name())
		}
	}
	return in, nil
}
