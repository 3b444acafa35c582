package sessions

import (
	"strings"

	"porthole/internal/sessioninfo"
)

const (
	// MaxMessage is what is kept of one body, in bytes; offers are below 16 KiB.
	MaxMessage = 16 << 10
	// maxHeader is what is kept of one value of a header, in bytes, and maxValues how
	// many of each header.
	maxHeader = 512
	maxValues = 8
)

// Headers of requests and answers that are kept. Authorization is not among them.
func keptHeaders() []string {
	return []string{
		"Accept", "Content-Type", "If-Match", "Origin", "Prefer", "User-Agent",
		"Accept-Patch", "Accept-Post", "Etag", "Link", "Location", "Retry-After",
	}
}

// NewMessage makes what is kept of one half: header by canonical names, and the body, cut
// to MaxMessage. What must never be told is taken out here.
func NewMessage(header map[string][]string, body []byte, cut bool) sessioninfo.Message {
	m := sessioninfo.Message{Headers: make(map[string][]string), Body: withoutPasswords(string(body)), Cut: cut}
	for _, name := range keptHeaders() {
		values := header[name]
		for _, value := range values[:min(len(values), maxValues)] {
			if name == "Link" {
				value = withoutCredential(value)
			}
			m.Headers[name] = append(m.Headers[name], Clipped(value))
		}
	}
	return m
}

// Clipped returns what is kept of a header's value, without holding on to the rest.
func Clipped(value string) string {
	if len(value) <= maxHeader {
		return strings.Clone(value)
	}
	return strings.ToValidUTF8(value[:maxHeader], "") + "…"
}
