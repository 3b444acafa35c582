package codec

import "strings"

// MaxTemporalID is the highest temporal layer that is told apart; the ones above count as it.
// WebRTC's modes have three layers (https://www.w3.org/TR/webrtc-svc/#scalabilitymodes).
const MaxTemporalID = 3

// Temporal is the place of a picture in the temporal layers of its stream.
type Temporal struct {
	// ID is the layer, from 0 to MaxTemporalID. A picture needs none of the layers above its
	// own: without those, a stream has fewer pictures a second and is whole.
	ID uint8
	// Sync says that the picture needs nothing of its own layer either, or nothing from
	// before the newest picture of a layer below: who was sent all layers below may be sent its
	// layer from here on. It means nothing for layer 0.
	Sync bool
}

// TemporalReader returns what reads the temporal layer of a codec's pictures, nil for a codec
// whose packets say nothing of it. graded is how many layers an encoder of H.264 makes that
// grades its pictures by them (see GradedTemporalID), 0 for any other. It is to be shown the first packet of each picture of one
// stream, in order; others of the same picture are of the same layer. ok is false when a packet
// does not tell. Spatial layers of a picture (VP9) stay together: they have one temporal layer.
func TemporalReader(c Codec, graded int) func(payload []byte) (t Temporal, ok bool) {
	switch strings.ToLower(c.MimeType) {
	case "video/h264":
		if graded > 0 {
			return func(payload []byte) (Temporal, bool) { return h264Temporal(GradedTemporalID(payload, graded)) }
		}
		return func(payload []byte) (Temporal, bool) { return h264Temporal(H264TemporalID(payload)) }
	case "video/vp8":
		return vp8Temporal
	case "video/vp9":
		return new(vp9Switching).temporal
	case "video/av1":
		return av1Temporal
	}
	return nil
}

func temporal(id uint8, sync bool) Temporal {
	id = min(id, MaxTemporalID)
	return Temporal{ID: id, Sync: sync && id > 0}
}

// h264Temporal takes layers of H.264 for nested, as those of WebRTC's modes are: what no picture
// refers to has nothing of its own layer to refer to.
func h264Temporal(id int, ok bool) (Temporal, bool) {
	return temporal(uint8(id&0x7f), true), ok
}

// vp8Temporal reads TID and Y, the layer sync bit, of the payload descriptor (RFC 7741
// section 4.2). Without them there is one layer.
func vp8Temporal(payload []byte) (t Temporal, ok bool) {
	const extended, hasTemporal = 0x80, 0x20
	n, ok := vp8Descriptor(payload)
	if !ok {
		return Temporal{}, false
	}
	if payload[0]&extended == 0 || payload[1]&hasTemporal == 0 {
		return Temporal{}, true
	}
	const syncBit = 0x20
	b := payload[n-1] // the descriptor ends with it
	return temporal(b>>6, b&syncBit != 0), true
}

// vp9Switching follows the switching up points of a stream. One says what those after it do
// not need; see temporal.
type vp9Switching struct {
	open uint8 // layers that may be taken up with their next picture, as bits
}

// temporal reads TID and U of the payload descriptor (RFC 9628 section 4.2). U means that
// pictures of the layers above, from here on, need nothing of those layers from before: so the
// first picture of each is one to begin with.
func (s *vp9Switching) temporal(payload []byte) (t Temporal, ok bool) {
	const hasPicture, layers, switchingUp = 0x80, 0x20, 0x10
	if len(payload) == 0 {
		return Temporal{}, false
	}
	if payload[0]&layers == 0 {
		return Temporal{}, true
	}
	n := 1
	if payload[0]&hasPicture != 0 {
		if len(payload) <= n {
			return Temporal{}, false
		}
		n += 1 + int(payload[n]>>7)
	}
	if len(payload) <= n {
		return Temporal{}, false
	}
	id := payload[n] >> 5
	t = temporal(id, s.open&(1<<id) != 0)
	s.open &^= 1 << id
	if payload[n]&switchingUp != 0 {
		s.open |= 0xfe << id
	}
	return t, true
}

// av1Temporal reads the temporal_id of the first frame in a packet, whose OBU header has it
// when the stream has layers (AV1 specification section 5.3.3; RTP payload format section
// 4.4). OBUs do not tell where layers may be taken up. All of WebRTC's modes nest them (L1T2,
// L1T3 and so on): a picture needs the newest one of a layer below, and of its own layer none.
func av1Temporal(payload []byte) (t Temporal, ok bool) {
	const continued, counted = 0x80, 0x30
	if len(payload) == 0 {
		return Temporal{}, false
	}
	header, rest := payload[0], payload[1:]
	elements := int(header & counted >> 4) // 0: each one has its size in front, else all but the last
	for i := 1; len(rest) > 0; i++ {
		size := uint64(len(rest))
		if i != elements {
			n := 0
			if size, n = leb128(rest); n == 0 || size > uint64(len(rest)-n) {
				return Temporal{}, false
			}
			rest = rest[n:]
		}
		obu := rest[:size]
		rest = rest[size:]
		if i == 1 && header&continued != 0 || len(obu) == 0 {
			continue
		}
		if t, frame, ok := av1FrameLayer(obu); frame {
			return t, ok
		}
		if i == elements {
			break
		}
	}
	return Temporal{}, false
}

// av1FrameLayer reads the header of an OBU; frame says that it is a frame or the header of one.
func av1FrameLayer(obu []byte) (t Temporal, frame, ok bool) {
	const frameHeader, tileGroup, wholeFrame, redundantHeader = 3, 4, 6, 7
	switch obu[0] >> 3 & 0x0f {
	case frameHeader, tileGroup, wholeFrame, redundantHeader:
	default:
		return Temporal{}, false, false
	}
	const extension = 0x04
	switch {
	case obu[0]&extension == 0:
		return Temporal{}, true, true
	case len(obu) < 2:
		return Temporal{}, true, false
	}
	return temporal(obu[1]>>5, true), true, true
}

// leb128 reads a number of 7 bits a byte, the lowest first (AV1 specification section 4.10.5), and
// how many bytes it takes: 0 when it has no end.
func leb128(b []byte) (value uint64, n int) {
	const most = 8
	for n < len(b) && n < most {
		value |= uint64(b[n]&0x7f) << (7 * n)
		n++
		if b[n-1]&0x80 == 0 {
			return value, n
		}
	}
	return 0, 0
}
