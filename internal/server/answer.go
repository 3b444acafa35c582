package server

import "net/http"

// answer is a response whose status and size are known afterwards. chi's middleware has one,
// too, but brings net/http/pprof along, which puts handlers where anybody could serve them.
type answer struct {
	http.ResponseWriter
	status int // 0: nothing was answered yet
	bytes  int // of the body
}

// WriteHeader notes the status; informational ones come before it.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= http.StatusOK {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write counts what is written.
func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	n, err := a.ResponseWriter.Write(p)
	a.bytes += n
	return n, err // transparent
}

// Unwrap lets http.ResponseController flush and set deadlines.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
