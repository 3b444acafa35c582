package codec

// Types of the NAL units of scalable video (ITU-T H.264 annex F), which have a longer header.
const (
	nalPrefix    = 14 // in front of a slice of the base layer
	nalScalable  = 20 // a slice of another one
	svcExtension = 0x80
)

// H264TemporalID returns the temporal layer of the picture that an RTP payload of H.264 (RFC 6184) is a part of; those of
// layers above may be left out. Payloads with the header of scalable video say it (ITU-T H.264 section F.7.3.1.1). Of others, what no
// picture refers to (nal_ref_idc 0) is of layer 1, and the rest of layer 0. ok is false where the payload is no part
// of a slice, such as parameter sets: it belongs to what comes with it.
func H264TemporalID(payload []byte) (id int, ok bool) {
	nal, ok := h264Slice(payload)
	if !ok {
		return 0, false
	}
	if t := nal[0] & 0x1f; t == nalPrefix || t == nalScalable {
		return int(nal[3] >> 5), true
	}
	if refIDC(nal) == 0 {
		return 1, true
	}
	return 0, true
}

// GradedTemporalID is H264TemporalID for an encoder with so many temporal layers, 3 at most, that grades its pictures, as openh264 does: nal_ref_idc is 0
// in the highest layer and 1 in the one below, unless that is the base.
func GradedTemporalID(payload []byte, layers int) (id int, ok bool) {
	nal, ok := h264Slice(payload)
	if !ok {
		return 0, false
	}
	return max(layers-1-int(refIDC(nal)), 0), true
}

// refIDC is nal_ref_idc, from 0, for what is not referred to, to 3.
func refIDC(nal []byte) byte { return nal[0] >> 5 & 3 }

// h264Slice returns the first slice in a payload, or what is in front of one and says more about it. Of a fragment, it
// returns the indicator, whose nal_ref_idc is that of the slice.
func h264Slice(payload []byte) (nal []byte, ok bool) {
	if len(payload) == 0 {
		return nil, false
	}
	if payload[0]&0x1f == NALFUA {
		return payload, len(payload) > 1 && isSlice(payload[1]&0x1f)
	}
	nal, rest, ok := H264NALs.First(payload)
	for ; ok; nal, rest, ok = H264NALs.Next(rest) {
		switch t := nal[0] & 0x1f; {
		case t == nalPrefix || t == nalScalable:
			if len(nal) > 3 && nal[1]&svcExtension != 0 {
				return nal, true
			}
		case isSlice(t):
			return nal, true
		}
	}
	return nil, false
}

// isSlice says whether a NAL unit type is that of a slice, or of a partition of one.
func isSlice(t byte) bool { return t >= NALSlice && t <= NALIDR }
