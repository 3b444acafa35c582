package snapshot

import (
	"bytes"
	"errors"
	"fmt"
	"image"

	"porthole/internal/codec"

	"golang.org/x/image/vp8"
)

// maxArea bounds what a keyframe may make the decoder allocate, in pixels: 4K.
const maxArea = 3840 * 2160

var errBadKeyframe = errors.New("the keyframe cannot be decoded")

// decodable says whether keyframes of the codec can be decoded here.
func decodable(c codec.Codec) bool { return c.Is(codec.VP8) }

// decodeVP8 decodes a keyframe from its RTP payloads (RFC 7741). The errors that
// are the stream's fault wrap errBadKeyframe.
func decodeVP8(payloads [][]byte) (*image.YCbCr, error) {
	var frame []byte
	for i, payload := range payloads {
		part, ok := codec.VP8Frame(payload)
		if !ok {
			return nil, fmt.Errorf("%w: packet %d has no part of it", errBadKeyframe, i)
		}
		frame = append(frame, part...)
	}
	decoder := vp8.NewDecoder()
	decoder.Init(bytes.NewReader(frame), len(frame))
	header, err := decoder.DecodeFrameHeader()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBadKeyframe, err)
	}
	if !header.KeyFrame || header.Width < 2 || header.Height < 2 || header.Width*header.Height > maxArea {
		return nil, fmt.Errorf("%w: %dx%d, keyframe %v", errBadKeyframe, header.Width, header.Height, header.KeyFrame)
	}
	img, err := decoder.DecodeFrame()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBadKeyframe, err)
	}
	return img, nil
}
