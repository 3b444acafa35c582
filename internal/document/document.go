// Package document answers requests with JSON.
package document

import (
	"encoding/json"
	"net/http"
)

// JSON is the usual media type.
const JSON = "application/json"

// Write answers with a document that no cache may keep. All other headers must be set
// before. What cannot be marshalled is answered with status 500.
func Write(w http.ResponseWriter, status int, mediaType string, document any) {
	body, err := json.Marshal(document)
	if err != nil {
		http.Error(w, "this cannot be written as JSON", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	// The client may be gone by now; there is nobody left to tell.
	_, _ = w.Write(append(body, '\n'))
}
