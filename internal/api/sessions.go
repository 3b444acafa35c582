package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"porthole/internal/document"
	"porthole/internal/problem"
	"porthole/internal/sessioninfo"
	"porthole/internal/sse"
)

// SessionList is the document of /api/sessions and the data of the event "sessions":
//
//	{"sessions": [ … ]}
type SessionList struct {
	Sessions []sessioninfo.Brief `json:"sessions"` // those that live first; never null
}

// sessionsEvery is how often the list of sessions is looked at for who listens to it.
// Packets are counted in it, so that it changes all the time.
const sessionsEvery = time.Second

func (a *API) sessions(w http.ResponseWriter, _ *http.Request) {
	document.Write(w, http.StatusOK, document.JSON, SessionList{a.cfg.Sessions.List()})
}

func (a *API) session(w http.ResponseWriter, r *http.Request) {
	info, ok := a.cfg.Sessions.Info(chi.URLParam(r, "id"))
	tell(w, info, ok)
}

func (a *API) sessionDiagnosis(w http.ResponseWriter, r *http.Request) {
	diagnosis, ok := a.cfg.Sessions.Diagnosis(chi.URLParam(r, "id"))
	tell(w, diagnosis, ok)
}

// transcript answers with a file, because that is what people send to each other.
func (a *API) transcript(w http.ResponseWriter, r *http.Request) {
	redact := r.URL.Query().Has("redact")
	transcript, ok := a.cfg.Sessions.Transcript(chi.URLParam(r, "id"), redact)
	if ok {
		name := "porthole-session.json"
		if redact {
			name = "porthole-session-redacted.json"
		}
		w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	}
	tell(w, transcript, ok)
}

// tell answers with what is known of a session.
func tell(w http.ResponseWriter, known any, ok bool) {
	if !ok {
		problem.Write(w, http.StatusNotFound, "there is no such session, or it has ended long ago")
		return
	}
	document.Write(w, http.StatusOK, document.JSON, known)
}

// sessionFeed writes the list of sessions whenever it differs from what was written
// before.
type sessionFeed struct {
	stream sse.Stream
	list   func() []sessioninfo.Brief
	told   []byte
}

func (f *sessionFeed) update() error {
	now, err := json.Marshal(SessionList{f.list()})
	if err != nil || bytes.Equal(now, f.told) {
		return err // the caller gives up: what cannot be marshalled now never can
	}
	f.told = now
	return f.stream.Send("sessions", json.RawMessage(now))
}
