// Package capture turns a camera and a microphone, or a drawn picture, into one publisher of a stream, and keeps it alive
// when the camera is pulled out, in use, silent, or broken. A [Source] is opened, and opened again, by its supervisor:
//
//	camera ─► read ─► mailbox ─► openh264 ─► RTP packets ─┐
//	microphone ────────────────► Opus ─────► RTP packets ─┴─► broadcast.Publisher
//
// Everything is captured, encoded and packetized once, however many watch: viewers are broadcast's business, and capture
// never sees one. It opens microphones through pion/mediadevices, but none of its tracks, which would encode once for every viewer.
//
// This package is the door. What it puts together for each source stands in rooms of their own: source (what is asked for),
// v4l2, microphone and synthetic (where pictures and sound come from), encode, pipeline (one life of a source) and supervisor
// (all of them).
//
// Built with -tags faults, it has one more kind of source, a camera that fails as tests tell it: see faulty.go.
//
// It is the only one that needs cgo. Without cgo it builds, and every function that would need a device or an encoder returns
// ErrNoCgo; ParseSpec always works.
package capture

import (
	"github.com/prometheus/client_golang/prometheus"

	"porthole/capture/encode"
	"porthole/capture/microphone"
	"porthole/capture/program"
	"porthole/capture/source"
	"porthole/capture/supervisor"
	"porthole/capture/v4l2"
)

type (
	// Spec is what a source URI asks for.
	Spec = source.Spec

	// CameraInfo is one video device.
	CameraInfo = v4l2.CameraInfo
	// Mode is one picture format and size of a camera.
	Mode = v4l2.Mode
	// MicrophoneInfo is one audio input.
	MicrophoneInfo = microphone.Info
)

// Metrics counts what happens to sources: see supervisor.Metrics.
type Metrics = supervisor.Metrics

// NewMetrics makes the metrics and registers them, once for a registry.
func NewMetrics(registry prometheus.Registerer) *Metrics { return supervisor.NewMetrics(registry) }

// What a command looks for in a Spec.
const (
	Camera     = source.Camera
	MicOff     = source.MicOff
	MicDefault = source.MicDefault
)

// The errors that a command tells apart.
var (
	ErrNoCgo      = source.ErrNoCgo
	ErrNoCamera   = source.ErrNoCamera
	ErrNoMode     = source.ErrNoMode
	ErrDeviceBusy = source.ErrDeviceBusy
)

// ParseSpec reads a source URI: see source.ParseSpec. The error wraps source.ErrSpec.
func ParseSpec(uri string) (Spec, error) { return source.ParseSpec(uri) }

// Shown is a source URI as messages may show it: see source.Shown.
func Shown(uri string) string { return source.Shown(uri) }

// Devices lists the cameras and microphones that the machine has now. Cameras are looked for anew at every call;
// microphones are those that were there when the process started. The error is ErrNoCgo.
func Devices() (Inventory, error) {
	if _, err := encode.New(nil); err != nil {
		return Inventory{}, err
	}
	return Inventory{Cameras: v4l2.ThisMachine().List(), Microphones: microphone.List()}, nil
}

// Check tries whether the source can be opened, so that a mistyped device is told before anything listens. It opens
// and closes the camera, without waiting for a picture, and without starting one that is on demand. The error names the device and says what is wrong with it: that there
// is none (ErrNoCamera, or fs.ErrNotExist in the chain), that it may not be opened (fs.ErrPermission), that it is none
// (ErrNoMode), or that it is in use and by whom (ErrDeviceBusy). What is drawn only needs cgo (ErrNoCgo). A program is looked for, and not started.
func Check(spec source.Spec) error {
	if _, err := encode.New(nil); err != nil {
		return err
	}
	if spec.Kind.Drawn() {
		return nil
	}
	if spec.Kind == source.Exec {
		return program.Check(spec)
	}
	return checkDevice(spec)
}
