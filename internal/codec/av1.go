package codec

// av1Keyframe reads the aggregation header (AV1 RTP payload format section 4.4):
// the N bit marks the first packet of a coded video sequence, which starts with
// a keyframe.
func av1Keyframe(payload []byte) bool {
	const continued, newSequence = 0x80, 0x08
	return len(payload) > 1 && payload[0]&newSequence != 0 && payload[0]&continued == 0
}
