package broadcast

import "porthole/internal/codec"

// What a layer carries is said in package codec.
type (
	Codec = codec.Codec
	Kind  = codec.Kind
)

const (
	Audio = codec.Audio
	Video = codec.Video
	kinds = codec.Kinds
)

// IsKeyframe is that of package codec.
func IsKeyframe(c Codec, payload []byte) bool { return codec.IsKeyframe(c, payload) }
