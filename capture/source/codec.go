package source

import (
	"errors"
	"fmt"
)

// Codec says what is taken from a camera that encodes H.264 itself.
type Codec uint8

// The values of the key "codec".
const (
	CodecAuto Codec = iota // what suits the rest of the spec better
	CodecH264              // its H.264, which is sent as it is
	CodecRaw               // raw pictures, or single ones as JPEG, which are encoded here
)

// String is the value of the key "codec".
func (c Codec) String() string { return [...]string{"auto", "h264", "raw"}[c] }

func setCodec(s *Spec, value string) error {
	for c := CodecAuto; c <= CodecRaw; c++ {
		if c.String() == value {
			s.Codec = c
			return nil
		}
	}
	return errors.New("none of them")
}

// NeedsRaw says which key of the spec takes raw pictures, as "KEY=VALUE"; "" is none. What comes encoded has one size, and cannot be drawn into:
// each key that changes pictures before they are encoded belongs here.
func (s Spec) NeedsRaw() string {
	if s.Ladder != (Ladder{}) && !s.Ladder.Auto {
		return fmt.Sprintf("ladder=%s", s.Ladder)
	}
	return s.Edits.first()
}
