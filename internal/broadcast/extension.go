package broadcast

import (
	"encoding/binary"
	"time"

	"github.com/pion/rtp"
)

// extensions are the header extensions of a viewer's track, prepared once so
// that sending them allocates nothing: which ones a packet carries is a choice
// among ready headers.
type extensions struct {
	headers [1 << 3]rtp.Header // by withMID | withCapture | withPassed
	capture [8]byte            // what the headers withCapture point to
	passed  [1]byte            // what the headers withPassed point to
	mask    int                // what was negotiated
}

const (
	withMID     = 1 << iota // RFC 9143 section 15
	withCapture             // http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time
	withPassed              // of the publisher: LayerConfig.PassedExtensionID
)

// prepare fills in the headers. An id that RFC 8285 does not allow leaves its
// extension out.
func (x *extensions) prepare(cfg *TrackConfig) {
	if cfg.MIDExtensionID != 0 && cfg.MID != "" {
		x.add(withMID, cfg.MIDExtensionID, []byte(cfg.MID))
	}
	if cfg.CaptureTimeExtensionID != 0 {
		x.add(withCapture, cfg.CaptureTimeExtensionID, x.capture[:])
	}
	if cfg.PassedExtensionID != 0 {
		x.add(withPassed, cfg.PassedExtensionID, x.passed[:])
	}
}

func (x *extensions) add(which int, id uint8, value []byte) {
	for i := range x.headers {
		if i&which != 0 && x.headers[i].SetExtension(id, value) != nil {
			return
		}
	}
	x.mask |= which
}

// put copies the chosen extensions into a header.
func (x *extensions) put(h *rtp.Header, which int) {
	from := &x.headers[which&x.mask]
	h.Extension, h.ExtensionProfile, h.Extensions = from.Extension, from.ExtensionProfile, from.Extensions
}

// capturedAt sets the time that headers withCapture carry.
func (x *extensions) capturedAt(t time.Time) {
	binary.BigEndian.PutUint64(x.capture[:], ntpTime(t))
}
