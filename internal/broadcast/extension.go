package broadcast

import (
	"encoding/binary"
	"time"

	"github.com/pion/rtp"

	"porthole/internal/broadcast/ring"
	"porthole/internal/ntp"
)

// extensions are the header extensions of a viewer's track, prepared once so
// that sending them allocates nothing: which ones a packet carries is a choice
// among ready lists.
type extensions struct {
	lists   [1 << 5]extensionList // by withMID | withCapture | withPassed | withDelay | withNumber
	number  [2]byte               // what the lists withNumber point to
	capture [8]byte               // what the lists withCapture point to
	passed  [1]byte               // what the lists withPassed point to
	delay   [3]byte               // what the lists withDelay point to
	mask    int                   // which of those were negotiated
}

// extensionList is the part of a header that holds its extensions.
type extensionList struct {
	profile uint16
	values  []rtp.Extension
}

const (
	withMID     = 1 << iota // RFC 9143 section 15
	withCapture             // http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time
	withPassed              // of the publisher: LayerConfig.PassedExtensionID
	withDelay               // http://www.webrtc.org/experiments/rtp-hdrext/playout-delay
	withNumber              // transport-wide: all packets of a picture or none, so that they are of one size (see captureTimes)
)

// prepare fills in the headers. An id that RFC 8285 does not allow leaves its
// extension out.
func (x *extensions) prepare(cfg *TrackConfig) {
	if cfg.TransportCCExtensionID != 0 {
		x.add(withNumber, cfg.TransportCCExtensionID, x.number[:])
	}
	if cfg.MIDExtensionID != 0 && cfg.MID != "" {
		x.add(withMID, cfg.MIDExtensionID, []byte(cfg.MID))
	}
	if cfg.CaptureTimeExtensionID != 0 {
		x.add(withCapture, cfg.CaptureTimeExtensionID, x.capture[:])
	}
	if cfg.PassedExtensionID != 0 {
		x.add(withPassed, cfg.PassedExtensionID, x.passed[:])
	}
	if cfg.PlayoutDelayExtensionID != 0 {
		x.add(withDelay, cfg.PlayoutDelayExtensionID, x.delay[:])
	}
}

// add adds a value to the lists of which.
func (x *extensions) add(which int, id uint8, value []byte) {
	for i := range x.lists {
		if i&which != which {
			continue
		}
		l := &x.lists[i]
		h := rtp.Header{Extension: len(l.values) > 0, ExtensionProfile: l.profile, Extensions: l.values}
		if h.SetExtension(id, value) != nil {
			return
		}
		*l = extensionList{h.ExtensionProfile, h.Extensions}
	}
	x.mask |= which
}

// put gives a header the chosen extensions, where they were negotiated.
func (x *extensions) put(h *rtp.Header, which int) {
	from := &x.lists[which&x.mask]
	h.Extension, h.ExtensionProfile, h.Extensions = len(from.values) > 0, from.profile, from.values
}

// numberedAs sets the transport-wide number that headers withNumber carry.
func (x *extensions) numberedAs(number uint16) { binary.BigEndian.PutUint16(x.number[:], number) }

// capturedAt sets the time that headers withCapture carry.
func (x *extensions) capturedAt(t time.Time) {
	binary.BigEndian.PutUint64(x.capture[:], ntp.Timestamp(t))
}

const (
	// captureSize is what the capture time adds to a packet, at most: the
	// extension's header and its own, padded (RFC 8285 section 4.2).
	captureSize = 16
	// captureEvery is how often a viewer is told the capture time at least. In
	// between it goes by timestamps, as the extension's definition wants.
	captureEvery = time.Second
)

// captureTimes decides which packets carry the capture time. In a batch all
// packets but the last are of one size, and the last not larger: so the time goes
// into the last packet of a picture if that one is shorter than the others or
// alone, and costs a system call of its own only once a while.
type captureTimes struct {
	told      int64  // when a packet carried it last; 0: never
	timestamp uint32 // of the packet before
	size      int    // of its payload
}

// due says whether a packet, the next one of its track, is to tell when it was captured.
func (c *captureTimes) due(p *ring.Packet, video bool, now int64) bool {
	alone, before := c.timestamp != p.Timestamp || c.size == 0, c.size
	c.timestamp, c.size = p.Timestamp, len(p.Payload)
	switch {
	case !video:
		return true
	case !p.Marker:
		return false
	}
	return alone || len(p.Payload)+captureSize <= before || c.told == 0 || now-c.told >= int64(captureEvery)
}
