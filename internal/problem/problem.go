// Package problem writes the error document of every HTTP route: RFC 9457
// "problem details" as application/problem+json.
//
// It owns the shape of the document and nothing else. Which error gets which
// status is decided by whoever calls it, and so are all other headers (CORS,
// Retry-After, WWW-Authenticate): they must be set before Write.
package problem

import (
	"net/http"

	"porthole/internal/document"
)

// ContentType is the media type of a Document (RFC 9457 section 3).
const ContentType = "application/problem+json"

// Document is the body of an error response.
type Document struct {
	// Type is always "about:blank": the status code says what kind of problem it is.
	Type string `json:"type"`
	// Title is the standard text of the status code.
	Title string `json:"title"`
	// Status repeats the status code, for readers who only have the body.
	Status int `json:"status"`
	// Detail says in words what is wrong with this very request.
	Detail string `json:"detail"`
	// Error repeats Detail. It is an extension member: widely used player and
	// publisher scripts show the field "error" of a failed request to the user.
	Error string `json:"error"`
}

// Write answers with status and a Document that holds detail. An empty detail is
// replaced by the standard text of the status. Nothing of it may be cached.
func Write(w http.ResponseWriter, status int, detail string) {
	title := http.StatusText(status)
	if detail == "" {
		detail = title
	}
	document.Write(w, status, ContentType, Document{
		Type: "about:blank", Title: title, Status: status, Detail: detail, Error: detail,
	})
}
