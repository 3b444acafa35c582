// Package videodev speaks to a camera's device node, /dev/videoN, as the kernel defines it (linux/videodev2.h): which pictures it
// delivers, its controls, and the buffers in which pictures come, mapped and not copied, with the driver's time stamps. It also knows
// the extension units of USB cameras (linux/uvcvideo.h). What pictures and controls mean is for whoever asks.
//
// It needs Linux, and no cgo. Elsewhere only its types are there.
package videodev

import (
	"errors"
	"time"
)

// FourCC is a pixel format as V4L2 names it: four characters, the first in the lowest byte.
type FourCC uint32

// Code makes a FourCC of its four characters.
func Code(s string) FourCC {
	return FourCC(s[0]) | FourCC(s[1])<<8 | FourCC(s[2])<<16 | FourCC(s[3])<<24
}

// String returns the four characters, without the spaces at the end.
func (c FourCC) String() string {
	b := []byte{byte(c), byte(c >> 8), byte(c >> 16), byte(c >> 24)}
	for len(b) > 0 && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return string(b)
}

// Capability is what a device says of itself.
type Capability struct {
	Driver string
	Name   string // of the camera
	Bus    string // where it is plugged in; the nodes of one camera have the same
}

// Mode is one format and size that a device has.
type Mode struct {
	Format        FourCC
	Width, Height int
	Rates         []float64 // in pictures a second, as the driver promises; empty: it does not tell
}

// Setup is the mode in which a device is to stream.
type Setup struct {
	Format        FourCC
	Width, Height int
	Rate          float64 // in pictures a second; 0: the driver's own
	Buffers       int     // that the driver fills while others are read; it may give more or fewer
}

// Layout is how pictures lie in their buffers.
type Layout struct {
	Format        FourCC
	Width, Height int
	Stride        int     // bytes of a row of the first plane; 0 for what is compressed
	Rate          float64 // in pictures a second; 0: the driver does not tell
}

// Frame is one filled buffer. Its data is the driver's memory, valid until it is released.
type Frame struct {
	Data       []byte
	CapturedAt time.Time // by the driver's clock, with a monotonic reading; zero where the driver has another clock
	Sequence   uint32    // counts the pictures that the camera took, also those that were lost
	Broken     bool      // the driver says that something is wrong with the data
	index      uint32
}

// ErrTimeout is returned by Next when no picture has come in time.
var ErrTimeout = errors.New("no picture in time")

// ErrNoCapture is returned by Open for a device that captures no pictures, such as the metadata node beside every USB camera.
var ErrNoCapture = errors.New("not a device that captures pictures")

// Kind says what the value of a control is.
type Kind uint8

// The kinds of controls that have one number for a value.
const (
	Integer     Kind = iota + 1 // from Min to Max in steps
	Boolean                     // 0 or 1
	Menu                        // one of Items
	IntegerMenu                 // likewise; what stands in the menu are numbers
	Button                      // has no value: setting it does something
)

// Control is something about a camera that can be read or set.
type Control struct {
	ID       uint32
	Kind     Kind
	Title    string // as the driver calls it
	Min, Max int64
	Step     uint64
	Default  int64
	Items    []Item // of menus
	Value    int64  // now; 0 where it cannot be read

	ReadOnly  bool
	WriteOnly bool // its value cannot be read
	Inactive  bool // setting it has no effect now, because of another control
	Grabbed   bool // it cannot be set now, because the camera is in use
	Volatile  bool // it changes by itself
}

// Item is one choice of a menu.
type Item struct {
	Index int64
	Title string // of a Menu
	Value int64  // of an IntegerMenu
}

// ExtensionUnit is a part of a USB camera that the USB standard leaves to its maker (UVC 1.5 section 3.7.2.7).
type ExtensionUnit struct {
	ID   uint8
	GUID [16]byte // as it stands in the descriptor
}

// Query is what is asked of a control of an extension unit (UVC 1.5 table A-14).
type Query uint8

// The queries that are used.
const (
	SetCur Query = 0x01
	GetCur Query = 0x81
	GetLen Query = 0x85
)
