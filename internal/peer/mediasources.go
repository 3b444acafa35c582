package peer

import (
	"errors"
	"fmt"
	"time"
)

const (
	// maxMediaSources is how many sources (SSRCs) of media a publisher may have at a time:
	// three for each layer of simulcast are many.
	maxMediaSources = 64
	// forgetSource is after how long a silent one makes room for another.
	forgetSource = 10 * time.Second
	// maxSourcesEver is how many there may be in a session: SRTP keeps a window against replays
	// for each, for good.
	maxSourcesEver = 1000
)

// errNoRoom: the packet is of a source too many.
var errNoRoom = errors.New("too many sources at a time")

// mediaSource is what is known of an SSRC that the publisher sends media with.
type mediaSource struct {
	ssrc  uint32
	key   trackKey // whose it is; the zero value: not known yet
	first time.Time
	last  time.Time
}

// mediaSources are those of one publisher. The zero value is empty.
type mediaSources struct {
	known map[uint32]*mediaSource
	ever  map[uint32]struct{} // that packets were opened of
}

// of returns the source of an authentic packet. It returns errNoRoom when there are too
// many, and ErrTooManySources when the session has had too many.
func (s *mediaSources) of(ssrc uint32, now time.Time) (*mediaSource, error) {
	if src := s.known[ssrc]; src != nil {
		src.last = now
		return src, nil
	}
	if s.known == nil {
		s.known, s.ever = make(map[uint32]*mediaSource), make(map[uint32]struct{})
	}
	if s.ever[ssrc] = struct{}{}; len(s.ever) > maxSourcesEver {
		return nil, fmt.Errorf("%w: more than %d; let the sender keep the SSRC of each track", ErrTooManySources, maxSourcesEver)
	}
	if len(s.known) >= maxMediaSources && !s.forget(now) {
		return nil, errNoRoom
	}
	src := &mediaSource{ssrc: ssrc, first: now, last: now}
	s.known[ssrc] = src
	return src, nil
}

// forget makes room by the source that has been silent for longest, and says whether there
// was one. The owner of a track may be among them: should it come back, it is told by its
// packets again.
func (s *mediaSources) forget(now time.Time) bool {
	var oldest *mediaSource
	for _, src := range s.known {
		if oldest == nil || src.last.Before(oldest.last) {
			oldest = src
		}
	}
	if now.Sub(oldest.last) < forgetSource {
		return false
	}
	delete(s.known, oldest.ssrc)
	return true
}
