package broadcast

import "strings"

// startsKeyframe returns the test for a codec: does this RTP payload carry the
// beginning of a picture that stands alone? Audio stands alone in every packet;
// a video codec that we do not know is taken to do so too, because a relay that
// waits for a keyframe it cannot see would never show anything.
func startsKeyframe(c Codec) func(payload []byte) bool {
	switch strings.ToLower(c.MimeType) {
	case "video/h264":
		return h264Keyframe
	case "video/h265":
		return h265Keyframe
	case "video/vp8":
		return vp8Keyframe
	case "video/vp9":
		return vp9Keyframe
	case "video/av1":
		return av1Keyframe
	}
	return func([]byte) bool { return true }
}

// IsKeyframe says whether an RTP payload of the codec begins a picture that
// stands alone. Unknown codecs and audio always do.
func IsKeyframe(c Codec, payload []byte) bool { return startsKeyframe(c)(payload) }

// H.264 NAL unit types (ITU-T H.264 table 7-1, RFC 6184 section 5.2).
const (
	h264IDR   = 5
	h264SPS   = 7
	h264PPS   = 8
	h264STAPA = 24
	h264FUA   = 28
)

// h264Keyframe looks for the first slice of an IDR picture, alone, in a STAP-A
// or at the start of an FU-A (RFC 6184 sections 5.6 to 5.8).
func h264Keyframe(payload []byte) bool {
	found := false
	h264NALs(payload, func(nal []byte, whole bool) {
		found = found || nal[0]&0x1f == h264IDR
	})
	return found
}

// h264NALs calls visit with each NAL unit that begins in the payload; whole is
// false for the first fragment of one, of which only the header byte is right.
func h264NALs(payload []byte, visit func(nal []byte, whole bool)) {
	if len(payload) == 0 {
		return
	}
	switch t := payload[0] & 0x1f; {
	case t > 0 && t < h264STAPA:
		visit(payload, true)
	case t == h264STAPA:
		for rest := payload[1:]; len(rest) > 2; {
			n := int(rest[0])<<8 | int(rest[1])
			if n == 0 || n > len(rest)-2 {
				return
			}
			visit(rest[2:2+n], true)
			rest = rest[2+n:]
		}
	case t == h264FUA:
		if len(payload) > 2 && payload[1]&0x80 != 0 { // the start bit
			visit([]byte{payload[1]&0x1f | payload[0]&0x60}, false)
		}
	}
}

// h265Keyframe looks for an IRAP picture, types 16 to 23 (RFC 7798 section 4.4).
func h265Keyframe(payload []byte) bool {
	if len(payload) < 3 {
		return false
	}
	irap := func(t byte) bool { return t >= 16 && t <= 23 }
	switch t := payload[0] >> 1 & 0x3f; t {
	case 48: // aggregation packet
		for rest := payload[2:]; len(rest) > 2; {
			n := int(rest[0])<<8 | int(rest[1])
			if n == 0 || n > len(rest)-2 {
				return false
			}
			if irap(rest[2] >> 1 & 0x3f) {
				return true
			}
			rest = rest[2+n:]
		}
		return false
	case 49: // fragmentation unit
		return payload[2]&0x80 != 0 && irap(payload[2]&0x3f)
	default:
		return irap(t)
	}
}

// vp8Keyframe reads the payload descriptor and the P bit of the frame header
// (RFC 7741 sections 4.2 and 4.3).
func vp8Keyframe(payload []byte) bool {
	const start, partition = 0x10, 0x07
	n, ok := vp8Descriptor(payload)
	return ok && payload[0]&start != 0 && payload[0]&partition == 0 && payload[n]&0x01 == 0
}

// vp8Descriptor returns the length of the payload descriptor; ok says that
// something follows it.
func vp8Descriptor(payload []byte) (n int, ok bool) {
	const extended = 0x80
	if len(payload) == 0 {
		return 0, false
	}
	n = 1
	if payload[0]&extended != 0 {
		if len(payload) < 2 {
			return 0, false
		}
		flags := payload[1]
		n = 2
		if flags&0x80 != 0 { // I: picture id of one or two bytes
			if len(payload) <= n {
				return 0, false
			}
			n += 1 + int(payload[n]>>7)
		}
		if flags&0x40 != 0 { // L: TL0PICIDX
			n++
		}
		if flags&0x30 != 0 { // T or K
			n++
		}
	}
	return n, len(payload) > n
}

// vp9Keyframe reads the payload descriptor (RFC 9628 section 4.2): the start of
// a frame that is not predicted from another one, in the lowest spatial layer.
func vp9Keyframe(payload []byte) bool {
	if len(payload) == 0 {
		return false
	}
	const pictureID, predicted, layers, start = 0x80, 0x40, 0x20, 0x08
	flags := payload[0]
	if flags&predicted != 0 || flags&start == 0 {
		return false
	}
	if flags&layers == 0 {
		return true
	}
	n := 1
	if flags&pictureID != 0 {
		if len(payload) <= n {
			return false
		}
		n += 1 + int(payload[n]>>7)
	}
	return len(payload) > n && payload[n]>>1&0x07 == 0
}

// av1Keyframe reads the aggregation header (AV1 RTP payload format section 4.4):
// the N bit marks the first packet of a coded video sequence, which starts with
// a keyframe.
func av1Keyframe(payload []byte) bool {
	const continued, newSequence = 0x80, 0x08
	return len(payload) > 1 && payload[0]&newSequence != 0 && payload[0]&continued == 0
}
