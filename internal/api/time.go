package api

import (
	"net/http"
	"time"

	"porthole/internal/document"
)

// Time is the document of /api/time:
//
//	{"time": 1764028800123456}
//
// A page that asks a few times knows how far the server's clock is from its own, and
// with that how old a picture is that says when it was taken.
type Time struct {
	Micros int64 `json:"time"` // Unix time in microseconds, when the answer was written
}

func (a *API) time(w http.ResponseWriter, _ *http.Request) {
	document.Write(w, http.StatusOK, document.JSON, Time{Micros: time.Now().UnixMicro()})
}
