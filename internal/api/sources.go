package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"porthole/internal/document"
	"porthole/internal/problem"
	"porthole/internal/sourceinfo"
)

// Sources tells of the sources on this machine, and changes them. The errors of Info and Change are those of package sourceinfo.
type Sources struct {
	List   func() []sourceinfo.Source // without controls; never nil
	Info   func(ctx context.Context, name string) (sourceinfo.Source, error)
	Change func(ctx context.Context, name string, change sourceinfo.Change) error
}

// SourceList is the document of /api/sources.
type SourceList struct {
	Sources []sourceinfo.Source `json:"sources"` // never null
}

const (
	maxChange    = 16 << 10         // bytes of a change
	changeWithin = 10 * time.Second // for its body
	mergePatch   = "application/merge-patch+json"
)

func (a *API) sources(w http.ResponseWriter, _ *http.Request) {
	document.Write(w, http.StatusOK, document.JSON, SourceList{a.cfg.Sources.List()})
}

func (a *API) source(w http.ResponseWriter, r *http.Request) {
	info, err := a.cfg.Sources.Info(r.Context(), chi.URLParam(r, "source"))
	if err != nil {
		sourceProblem(w, err)
		return
	}
	w.Header().Set("Accept-Patch", mergePatch)
	document.Write(w, http.StatusOK, document.JSON, info)
}

// changeSource takes a merge patch (RFC 7396) of what source answers: what is left out stays, and null is the default.
func (a *API) changeSource(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Accept-Patch", mergePatch)
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != mergePatch && kind != document.JSON {
		problem.Write(w, http.StatusUnsupportedMediaType, fmt.Sprintf("send %s or %s", mergePatch, document.JSON))
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(changeWithin)) // a server has it; a test's recorder need not
	var change sourceinfo.Change
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxChange))
	decoder.DisallowUnknownFields()
	err = decoder.Decode(&change)
	if err == nil && decoder.Decode(new(json.RawMessage)) != io.EOF { //nolint:errorlint // a decoder returns it as it is
		err = errors.New("there is more behind it")
	}
	if err != nil {
		status := http.StatusBadRequest
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			status = http.StatusRequestEntityTooLarge
		}
		problem.Write(w, status, fmt.Sprintf(`send JSON such as {"controls":{"exposure":157}}: %v`, err))
		return
	}
	name := chi.URLParam(r, "source")
	if err := a.cfg.Sources.Change(r.Context(), name, change); err != nil {
		sourceProblem(w, err)
		return
	}
	a.source(w, r)
}

// sourceProblem answers what package sourceinfo says is wrong.
func sourceProblem(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	switch {
	case errors.Is(err, sourceinfo.ErrNoSource):
		status = http.StatusNotFound
	case errors.Is(err, sourceinfo.ErrInvalid):
		status = http.StatusUnprocessableEntity
	case errors.Is(err, sourceinfo.ErrAway), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		status = http.StatusServiceUnavailable
	}
	problem.Write(w, status, err.Error())
}
