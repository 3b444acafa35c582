//go:build cgo

// Package openh264 encodes H.264 with temporal layers. It is a small binding of Cisco's openh264, of which it uses the static
// library that pion/mediadevices ships; mediadevices' own binding can neither do temporal layers, nor leave pictures out to keep a
// bitrate, nor control that by the time at which pictures were taken, nor be silent.
//
// The headers in include are those of the library, version 2.1.1, under its BSD licence (include/LICENSE).
package openh264

// #cgo CXXFLAGS: -O2 -I${SRCDIR}/include
// #include "bridge.h"
import "C"

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
	"unsafe"

	// Links the library, for every platform that mediadevices has one for.
	_ "github.com/pion/mediadevices/pkg/codec/openh264"
)

// MaxTemporalLayers is how many temporal layers there can be: one serves the full frame rate, the half and a quarter of it.
const MaxTemporalLayers = 3

// ErrClosed is returned by an encoder that was used after Close.
var ErrClosed = errors.New("openh264: encoder is closed")

// Config says what an encoder is for. All but Log are required.
type Config struct {
	Width, Height  int     // pixels, both even
	FPS            float64 // pictures a second, at most
	Bitrate        int     // bits a second
	TemporalLayers int     // 1 to MaxTemporalLayers
	// Log gets what the library has to say; nil: nobody does.
	Log *slog.Logger
}

// Picture is one in I420. Y has YStride bytes a row, U and V have CStride. All have the rows of the encoder's size.
type Picture struct {
	Y, U, V          []byte
	YStride, CStride int
}

// Unit is an encoded picture.
type Unit struct {
	// Data is the access unit in Annex B form, in one slice, with SPS and PPS in front of a keyframe. It is valid until the next call.
	// It is empty where the encoder left the picture out, to keep its bitrate.
	Data []byte
	// TemporalID is the layer of the picture: those of layers above may be left out, and the rest can be decoded. Its
	// slices say so, too: nal_ref_idc is 0 in the highest layer, and 1 in the one between.
	TemporalID int
	Keyframe   bool // an IDR picture
}

// Encoder encodes pictures of one size. It is not safe for concurrent use.
type Encoder struct {
	engine *C.encoder // nil once closed
	cfg    Config
	began  time.Time // when the first picture was taken
	unit   []byte
}

// New makes an encoder. Its first picture is a keyframe, and so are those that are asked for: no others.
func New(cfg Config) (*Encoder, error) {
	if cfg.Width < 16 || cfg.Height < 16 || cfg.Width%2 != 0 || cfg.Height%2 != 0 {
		return nil, fmt.Errorf("openh264: cannot encode pictures of %dx%d: sides must be even, and 16 at least", cfg.Width, cfg.Height)
	}
	if cfg.TemporalLayers < 1 || cfg.TemporalLayers > MaxTemporalLayers {
		return nil, fmt.Errorf("openh264: %d temporal layers, not 1 to %d", cfg.TemporalLayers, MaxTemporalLayers)
	}
	var code C.int
	engine := C.encoder_new(C.int(cfg.Width), C.int(cfg.Height), C.float(cfg.FPS), C.int(cfg.Bitrate), C.int(cfg.TemporalLayers), &code)
	if engine == nil {
		return nil, fmt.Errorf("openh264 for %dx%d: %w", cfg.Width, cfg.Height, result(code))
	}
	e := &Encoder{engine: engine, cfg: cfg}
	e.tell()
	return e, nil
}

// Encode encodes a picture, which it does not keep. takenAt is when it was taken; that, not the frame rate, says how many bits it may
// have. keyframe asks for an IDR picture; should that one be left out, the next is one.
func (e *Encoder) Encode(p Picture, takenAt time.Time, keyframe bool) (Unit, error) {
	if e.engine == nil {
		return Unit{}, ErrClosed
	}
	if err := e.check(p); err != nil {
		return Unit{}, err
	}
	if e.began.IsZero() {
		e.began = takenAt.Add(-time.Second) // 0 means "unknown" to the library
	}
	var out C.unit
	code := C.encoder_encode(e.engine,
		(*C.uchar)(unsafe.SliceData(p.Y)), (*C.uchar)(unsafe.SliceData(p.U)), (*C.uchar)(unsafe.SliceData(p.V)),
		C.int(p.YStride), C.int(p.CStride), C.longlong(takenAt.Sub(e.began).Milliseconds()), C.bool(keyframe), &out)
	e.tell()
	if code != 0 {
		return Unit{}, fmt.Errorf("openh264: encode a picture: %w", result(code))
	}
	// One copy: what the library has is gone with its next call, or with the encoder.
	e.unit = append(e.unit[:0], unsafe.Slice((*byte)(out.data), int(out.size))...)
	return Unit{Data: e.unit, TemporalID: int(out.temporal_id), Keyframe: bool(out.keyframe)}, nil
}

// check sees to it that the library reads nothing but the picture.
func (e *Encoder) check(p Picture) error {
	luma := p.YStride*(e.cfg.Height-1) + e.cfg.Width
	chroma := p.CStride*(e.cfg.Height/2-1) + e.cfg.Width/2
	if p.YStride < e.cfg.Width || p.CStride < e.cfg.Width/2 || len(p.Y) < luma || min(len(p.U), len(p.V)) < chroma {
		return fmt.Errorf("openh264: planes of %d, %d and %d bytes are none of a picture of %dx%d", len(p.Y), len(p.U), len(p.V), e.cfg.Width, e.cfg.Height)
	}
	return nil
}

// SetRate changes bitrate, in bits a second, and frame rate from the next picture on, without a keyframe.
func (e *Encoder) SetRate(bitrate int, fps float64) error {
	if e.engine == nil {
		return ErrClosed
	}
	code := C.encoder_set_rate(e.engine, C.int(bitrate), C.float(fps))
	e.tell()
	if code != 0 {
		return fmt.Errorf("openh264: change to %d bit/s at %.1f pictures a second: %w", bitrate, fps, result(code))
	}
	e.cfg.Bitrate, e.cfg.FPS = bitrate, fps
	return nil
}

// Close frees the encoder. A second call does nothing.
func (e *Encoder) Close() error {
	if e.engine == nil {
		return nil
	}
	code := C.encoder_free(e.engine)
	e.engine = nil
	if code != 0 {
		return fmt.Errorf("openh264: close: %w", result(code))
	}
	return nil
}

// tell logs what the library has said since the last time.
func (e *Encoder) tell() {
	if e.engine.said == 0 {
		return
	}
	text := C.GoString(&e.engine.messages[0])
	e.engine.said = 0
	if e.cfg.Log != nil {
		e.cfg.Log.Debug("openh264 says", "text", text)
	}
}

// result is what the library returned, as an error (CM_RETURN in codec_def.h).
type result int

func (r result) Error() string {
	switch r {
	case 1:
		return "invalid parameters"
	case 2:
		return "unknown reason"
	case 3:
		return "out of memory"
	case 4:
		return "not initialised"
	case 5:
		return "unsupported data"
	case C.WRONG_VERSION:
		return "the library is not version 2.1, for which this program was built"
	}
	return fmt.Sprintf("failure %d", int(r))
}
