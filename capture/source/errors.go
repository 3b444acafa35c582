package source

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrSpec is wrapped by every error about a source URI: what it names is wrong in the text, whatever devices there are.
	ErrSpec = errors.New("invalid source")

	// ErrNoCgo is returned by everything that needs a device or an encoder in a binary built without cgo.
	ErrNoCgo = errors.New("this binary was built without cgo: it cannot open a camera or encode the test pattern; rebuild with CGO_ENABLED=1 and g++")

	// ErrNoCamera is returned when the default camera is asked for and no node offers a picture format that can be read.
	ErrNoCamera = errors.New("no camera found")

	// ErrNoMode is returned for a device that opens but offers no picture format that can be read:
	// a metadata node beside a camera, a depth sensor, a loopback device that nobody feeds.
	ErrNoMode = errors.New("the device offers no video mode that can be captured")

	// ErrDeviceBusy is returned for a device that another program, or another source of this one, is streaming from.
	ErrDeviceBusy = errors.New("the device is busy")

	// ErrDeviceGone is returned when a device that was open can no longer be read.
	ErrDeviceGone = errors.New("the device is gone")

	// ErrStalled is returned when a device stays silent, or sends nothing but broken pictures, for too long.
	ErrStalled = errors.New("the device delivers no usable pictures")

	// ErrOtherMode is returned for a device whose pictures are nothing for browsers, and which will deliver others when it is opened again.
	ErrOtherMode = errors.New("opened again in another mode")

	// ErrEncoder is returned when the video encoder fails again and again, also as often as it is replaced.
	ErrEncoder = errors.New("the encoder fails")
)

// BusyError is ErrDeviceBusy with who is in the way.
type BusyError struct {
	Device  string
	Holders []string // such as "ffmpeg (pid 123)"; empty: not known
}

func (e *BusyError) Error() string {
	if len(e.Holders) == 0 {
		return fmt.Sprintf("%s: %v: in use by another source of this program, or by another user's program", e.Device, ErrDeviceBusy)
	}
	return fmt.Sprintf("%s: %v: in use by %s", e.Device, ErrDeviceBusy, strings.Join(e.Holders, ", "))
}

func (e *BusyError) Unwrap() error { return ErrDeviceBusy }

// ProgramError is a failure of a program, with what it said last. It holds no secrets that are known as such.
type ProgramError struct {
	Err  error
	Said string // the last line of its standard error; empty: none
}

func (e *ProgramError) Error() string {
	if e.Said == "" {
		return e.Err.Error()
	}
	return fmt.Sprintf("%v; it said: %s", e.Err, e.Said)
}

func (e *ProgramError) Unwrap() error { return e.Err }
