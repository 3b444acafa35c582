package conformance_test

import (
	"fmt"
	"net/http"
	"strings"
)

// trickle makes a fragment (RFC 8840) with candidates of the first section.
func trickle(ufrag, pwd string, candidates ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n", ufrag, pwd)
	for _, c := range candidates {
		fmt.Fprintf(&b, "a=%s\r\n", c)
	}
	return b.String()
}

// goodCandidate is one that a server takes, of nobody.
const goodCandidate = "candidate:1 1 udp 2113937151 127.0.0.1 40000 typ host"

// patch sends a fragment to a session; an empty ifMatch leaves the header out.
func (s *server) patch(session, fragment, ifMatch string) reply {
	s.t.Helper()
	return s.do(http.MethodPatch, session, fragment, "Content-Type", typeFragment, "If-Match", ifMatch)
}
