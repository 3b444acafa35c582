package codec

// H.264 NAL unit types (ITU-T H.264 table 7-1, RFC 6184 section 5.2).
const (
	h264IDR   = 5
	h264SEI   = 6
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
