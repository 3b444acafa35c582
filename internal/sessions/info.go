package sessions

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"porthole/internal/sessioninfo"
)

// Info describes a session that lives or has ended a while ago; ok is false when
// there is none with this id.
func (t *Table) Info(id string) (info sessioninfo.Session, ok bool) {
	e, ended := t.lookUp(id)
	switch {
	case ended != nil:
		return ended.describe(), true
	case e == nil:
		return sessioninfo.Session{}, false
	}
	if examiner, ok := e.Session.(Examiner); ok {
		examiner.Examine()
	}
	return e.describe(nil, time.Now()), true
}

// Diagnosis says what is, or was, the matter with a session.
func (t *Table) Diagnosis(id string) (d sessioninfo.Diagnosis, ok bool) {
	info, ok := t.Info(id)
	return sessioninfo.Diagnosis{State: info.State, Code: info.Code, Diagnosis: info.Diagnosis}, ok
}

// Transcript returns the signalling of a session.
func (t *Table) Transcript(id string) (transcript sessioninfo.Transcript, ok bool) {
	e, ended := t.lookUp(id)
	var log *exchangeLog
	switch {
	case ended != nil:
		transcript = sessioninfo.Transcript{Protocol: ended.info.Protocol, Stream: ended.info.Stream, Client: ended.info.Client}
		log = ended.history.log
	case e != nil:
		transcript = sessioninfo.Transcript{Protocol: e.Protocol, Stream: e.Stream, Client: e.Client}
		log = e.log
	default:
		return sessioninfo.Transcript{}, false
	}
	transcript.Session = id
	transcript.Exchanges, transcript.Omitted = log.read()
	return transcript, true
}

// Sessions lists the sessions that live, and after them those that have ended a
// while ago; the newest come first in both.
func (t *Table) Sessions() []sessioninfo.Brief {
	now := time.Now()
	t.mu.Lock()
	live := slices.Collect(maps.Values(t.sessions))
	ended := t.ended.all(now)
	t.mu.Unlock()
	list := make([]sessioninfo.Brief, 0, len(live)+len(ended))
	slices.SortFunc(live, func(a, b *Entry) int {
		return cmp.Or(b.Since.Compare(a.Since), strings.Compare(a.ID, b.ID))
	})
	for _, e := range live {
		list = append(list, e.describe(nil, now).Brief())
	}
	for _, e := range slices.Backward(ended) {
		list = append(list, e.describe().Brief())
	}
	return list
}

// lookUp finds a session that lives, or one that has ended.
func (t *Table) lookUp(id string) (*Entry, *endedSession) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.sessions[id]; e != nil {
		return e, nil
	}
	return nil, t.ended.find(id, time.Now())
}

// Knows says whether the signalling of a session is noted.
func (t *Table) Knows(id string) bool { return t.exchanges(id) != nil }

// Note keeps one exchange of a session's signalling, if the session is known and there is
// room for it. Its halves are made by NewMessage.
func (t *Table) Note(id string, x sessioninfo.Exchange) {
	if log := t.exchanges(id); log != nil {
		log.add(x)
	}
}

func (t *Table) exchanges(id string) *exchangeLog {
	e, ended := t.lookUp(id)
	switch {
	case e != nil:
		return e.log
	case ended != nil:
		return ended.history.log
	default:
		return nil
	}
}

// describe tells all of a session. reason is why it ended, nil while it lives.
func (e *Entry) describe(reason error, now time.Time) sessioninfo.Session {
	detail := e.Session.Detail()
	verdict := history{e.Protocol, e.Client, e.log, reason}.diagnose(detail, now)
	return sessioninfo.Session{
		ID: e.ID, Protocol: e.Protocol, Stream: e.Stream, Since: e.Since, Client: e.Client,
		Path: pathOf(detail.Peer.Selected), Code: verdict.Code, Diagnosis: verdict.Sentence, Detail: detail,
	}
}

// pathOf names the way that packets take.
func pathOf(pair *sessioninfo.Pair) string {
	switch {
	case pair == nil:
		return ""
	case pair.Local.Type == "relay" || pair.Remote.Type == "relay":
		return "relay"
	default:
		return pair.Remote.Protocol
	}
}
