package document_test

import (
	"net/http/httptest"
	"testing"

	"porthole/internal/document"
)

func TestWrite(t *testing.T) {
	w := httptest.NewRecorder()
	document.Write(w, 418, "application/problem+json", map[string]int{"cups": 2})
	h := w.Header()
	if w.Code != 418 || w.Body.String() != `{"cups":2}`+"\n" || h.Get("Content-Type") != "application/problem+json" ||
		h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d %v %q", w.Code, h, w.Body)
	}
}

func TestWriteWhatCannotBeWritten(t *testing.T) {
	w := httptest.NewRecorder()
	document.Write(w, 200, document.JSON, func() {})
	if w.Code != 500 {
		t.Errorf("status %d", w.Code)
	}
}
