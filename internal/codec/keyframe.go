package codec

import "strings"

// KeyframeTest returns the test for a codec: does this RTP payload carry the
// beginning of a picture that stands alone? Audio stands alone in every packet;
// a video codec that we do not know is taken to do so too, because a relay that
// waits for a keyframe it cannot see would never show anything.
func KeyframeTest(c Codec) func(payload []byte) bool {
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
func IsKeyframe(c Codec, payload []byte) bool { return KeyframeTest(c)(payload) }
