package peer

import (
	"fmt"
	"time"

	"github.com/pion/webrtc/v4"
)

// Deadlines count only time in which the process ran. A laptop that slept, a virtual
// machine that was paused or a process that was stopped has heard nobody meanwhile,
// which is no fault of theirs: what they sent is often still to be read. So a deadline
// is a number of short waits, each of which counts for what it was meant to last,
// however long it took.

// longestWait is the longest of those waits. Deadlines are exact to it.
const longestWait = time.Second

// superviseDeadlines ends the session when a stage takes too long.
func (s *Connection) superviseDeadlines() error {
	if s.offered != nil && !s.waitFor(s.offered.within, s.offered.accepted) {
		return ErrNoAnswer
	}
	if !s.waitConnected(s.engine.settings.timeouts.Connect) {
		return s.connectTimeout()
	}
	if s.ingest == nil {
		return s.superviseConsent()
	}
	return s.superviseMedia()
}

// superviseMedia ends a publisher's session that brings nothing. Once there was media,
// reports are signs of life as well (RFC 3550 6.3.5): a browser sends no packet of a picture
// that stands still, and goes on with the reports. No event ends a wait: a packet only begins
// the silence anew.
func (s *Connection) superviseMedia() error {
	limit, stage := s.engine.settings.timeouts.FirstMedia, "after connecting"
	quiet, newest := time.Duration(0), time.Time{}
	for s.ctx.Err() == nil {
		if last, ok := s.ingest.lastSign(); ok && !last.Equal(newest) {
			limit, stage = s.engine.settings.timeouts.MediaIdle, "for a while"
			quiet, newest = 0, last
		}
		if quiet >= limit {
			return fmt.Errorf("%w: no packet %s", ErrMediaTimeout, stage)
		}
		quiet += s.waitAPart(limit)
	}
	return nil
}

// superviseConsent ends a viewer's session when the client has not answered our
// checks for as long as RFC 7675 5.1 allows, whatever else it sends: pion takes any
// packet for a sign of life, and would go on sending media to somebody who reads
// nothing. Publishers get nothing worth a consent, and FFmpeg answers no checks.
func (s *Connection) superviseConsent() error {
	timeouts := s.engine.settings.timeouts
	limit := timeouts.ICEDisconnected + timeouts.ICEFailed
	quiet, answered := time.Duration(0), uint64(0)
	for s.ctx.Err() == nil {
		if n := s.sink.transport.checksAnswered(); n != answered {
			quiet, answered = 0, n
		}
		part := s.waitAPart(limit)
		quiet += part
		// The last answer may be a part older than we know, and the limit is no later
		// than after the next part.
		if quiet+2*part > limit && s.sink.transport.checksAnswered() == answered {
			s.iceChanged(webrtc.ICEConnectionStateFailed)
			return fmt.Errorf("%w: no answer to our checks for %v", ErrICEFailed, limit)
		}
	}
	return nil
}

// waitConnected waits until the connection is up, the session over, or within, and
// says whether one of the former came. It looks at the checks meanwhile: who gives
// up takes what is known of them along.
func (s *Connection) waitConnected(within time.Duration) bool {
	for left := within; left > 0; left -= examineEvery {
		if s.waitFor(min(left, examineEvery), s.connected) {
			return true
		}
		s.Examine()
	}
	return false
}

// waitFor waits for d of the process's time, and says whether event or the session's
// end came before it.
func (s *Connection) waitFor(d time.Duration, event <-chan struct{}) bool {
	for left := d; left > 0; left -= longestWait {
		if s.wait(min(left, longestWait), event) {
			return true
		}
	}
	return false
}

// waitAPart waits for a small part of limit, or the session's end, and returns it.
func (s *Connection) waitAPart(limit time.Duration) time.Duration {
	part := min(longestWait, limit/8)
	s.wait(part, nil)
	return part
}

// wait says whether event or the session's end came within d.
func (s *Connection) wait(d time.Duration, event <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-event:
	case <-s.ctx.Done():
	case <-timer.C:
		return false
	}
	return true
}

func (s *Connection) connectTimeout() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life.iceConnected {
		return ErrDTLSTimeout
	}
	return fmt.Errorf("%w: ICE is %s", ErrICETimeout, s.life.ice)
}
