// Package capture turns a camera and a microphone, or a drawn picture, into one publisher of a stream, and keeps it alive
// when the camera is pulled out, in use, silent, or broken. A [Source] is opened, and opened again, by its supervisor:
//
//	camera ─► read ─► mailbox ─► openh264 ─► RTP packets ─┐
//	microphone ────────────────► Opus ─────► RTP packets ─┴─► broadcast.Publisher
//
// It owns the devices, the encoders and the clock of what it sends. Everything is captured, encoded and packetized
// once, however many watch: viewers are broadcast's business, and capture never sees one. It opens devices through
// pion/mediadevices, but none of its tracks, which would encode once for every viewer.
//
// Built with -tags faults, it has one more kind of source, a camera that fails as tests tell it: see faulty.go.
//
// It is the only package that needs cgo. Without cgo it builds, and every function that would need a device or an
// encoder returns ErrNoCgo; DecodeStamp and ParseSpec always work.
package capture

import (
	"porthole/capture/source"
)

// What a source is asked for, and how it fails: see package source.
type (
	Spec = source.Spec
	Kind = source.Kind
)

// What a command looks for in a Spec.
const (
	Camera = source.Camera

	MicOff, MicDefault = source.MicOff, source.MicDefault
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

// Devices lists the cameras and microphones that the machine has now. Cameras are looked for anew at every call;
// microphones are those that were there when the process started. The error is ErrNoCgo.
func Devices() (Inventory, error) { return listDevices() }

// Check tries whether the source can be opened, so that a mistyped device is told before anything listens. It opens
// and closes the camera, without waiting for a picture, and without starting one that is on demand. The error names the device and says what is wrong with it: that there
// is none (ErrNoCamera, or fs.ErrNotExist in the chain), that it may not be opened (fs.ErrPermission), that it is none
// (ErrNoMode), or that it is in use and by whom (ErrDeviceBusy). What is drawn only needs cgo (ErrNoCgo).
func Check(spec source.Spec) error {
	if _, err := newCodecs(); err != nil {
		return err
	}
	if spec.Kind.Drawn() {
		return nil
	}
	return checkDevice(spec)
}
