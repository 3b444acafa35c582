package codec

// H.264 NAL unit types (ITU-T H.264 table 7-1, RFC 6184 section 5.2).
const (
	NALSlice     = 1 // of a picture that refers to others
	NALIDR       = 5 // a slice of one that stands alone
	NALSEI       = 6
	NALSPS       = 7
	NALPPS       = 8
	NALDelimiter = 9
	NALSeqEnd    = 10
	NALStreamEnd = 11
	NALFiller    = 12
	NALSTAPA     = 24 // several units in one packet
	NALFUA       = 28 // a part of one
)

// h264Keyframe looks for the first slice of an IDR picture, alone, in a STAP-A
// or at the start of an FU-A (RFC 6184 sections 5.6 to 5.8).
func h264Keyframe(payload []byte) bool {
	found := false
	h264NALs(payload, func(nal []byte, whole bool) {
		found = found || nal[0]&0x1f == NALIDR
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
	case t > 0 && t < NALSTAPA:
		visit(payload, true)
	case t == NALSTAPA:
		for rest := payload[1:]; len(rest) > 2; {
			n := int(rest[0])<<8 | int(rest[1])
			if n == 0 || n > len(rest)-2 {
				return
			}
			visit(rest[2:2+n], true)
			rest = rest[2+n:]
		}
	case t == NALFUA:
		if len(payload) > 2 && payload[1]&0x80 != 0 { // the start bit
			visit([]byte{payload[1]&0x1f | payload[0]&0x60}, false)
		}
	}
}
