package sessions

import (
	"slices"
	"time"

	"porthole/internal/sessioninfo"
)

const (
	// endedFor is how long a session is remembered after its end: a page that shows
	// why it failed asks at once, the operator some minutes later.
	endedFor = 10 * time.Minute
	// maxEnded bounds how many are remembered.
	maxEnded = 256
)

// endedSession is what is remembered of a session.
type endedSession struct {
	info    sessioninfo.Session
	history history
	at      time.Time
}

// describe tells what is known. A session can end before the answer to its offer was
// noted, so that the verdict at its end is not the last word.
func (e *endedSession) describe() sessioninfo.Session {
	info := e.info
	verdict := e.history.diagnose(info.Detail, e.at)
	info.Code, info.Diagnosis = verdict.Code, verdict.Sentence
	return info
}

// endedSessions remembers sessions that have ended, the oldest first. The zero value
// is empty. It is guarded by the table.
type endedSessions struct {
	byID  map[string]*endedSession
	order []string
}

// add remembers one more and forgets what is too old or too much.
func (s *endedSessions) add(e *endedSession) {
	if s.byID == nil {
		s.byID = make(map[string]*endedSession)
	}
	s.byID[e.info.ID] = e
	s.order = append(s.order, e.info.ID)
	s.forget(e.at)
}

// forget drops what is not to be remembered any more.
func (s *endedSessions) forget(now time.Time) {
	n := max(len(s.order)-maxEnded, 0)
	for n < len(s.order) && now.Sub(s.byID[s.order[n]].at) >= endedFor {
		n++
	}
	for _, id := range s.order[:n] {
		s.byID[id].history.log.drop()
		delete(s.byID, id)
	}
	s.order = slices.Delete(s.order, 0, n)
}

// find returns a session that ended a while ago at most.
func (s *endedSessions) find(id string, now time.Time) *endedSession {
	if e := s.byID[id]; e != nil && now.Sub(e.at) < endedFor {
		return e
	}
	return nil
}

// all returns those that are remembered, the oldest first.
func (s *endedSessions) all(now time.Time) (list []*endedSession) {
	for _, id := range s.order {
		if e := s.find(id, now); e != nil {
			list = append(list, e)
		}
	}
	return list
}
