package peer

import (
	"encoding/binary"
	"errors"
)

var errTooManySources = errors.New("the client has sent RTCP as too many sources")

// maxSources is how many sources (SSRCs) of RTCP one client may have: SRTP keeps a
// window against replays for each. Players report as one for each track.
const maxSources = 64

// sources are those that a client has signed packets with. The zero value is empty.
type sources struct{ known map[uint32]struct{} }

// admits tells whether a sealed compound packet (RFC 3711 section 3.4) is of a source
// that is known, or may become it.
func (s *sources) admits(sealed []byte) (ssrc uint32, ok bool) {
	const header = 8 // in clear, the source at its end
	if len(sealed) < header {
		return 0, false
	}
	ssrc = binary.BigEndian.Uint32(sealed[header-4:])
	_, known := s.known[ssrc]
	return ssrc, known || len(s.known) < maxSources
}

// add notes the source of a packet that was authentic: before that, anybody could use
// up the places.
func (s *sources) add(ssrc uint32) {
	if s.known == nil {
		s.known = make(map[uint32]struct{})
	}
	s.known[ssrc] = struct{}{}
}
