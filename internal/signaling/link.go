package signaling

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"porthole/internal/sessions"
)

// ICERequest says for whom ICE servers are wanted.
type ICERequest struct {
	// User is what TURN servers may know the session by, 22 characters of base64url; in
	// an answer to OPTIONS, where there is no session yet, it is made up for this answer.
	User string
	// Host is the name or the IP address, without port and brackets, by which the
	// client reached us, as it says itself; empty when it does not.
	Host string
	// Local is our address of the client's connection; zero when it is not known.
	// Behind a reverse proxy it is where the proxy reaches us.
	Local netip.Addr
	// Client is the client's address, as far as trusted proxies tell it.
	Client netip.Addr
}

// iceRequest reads what a request tells about where its client is.
func (h *Handler) iceRequest(r *http.Request, session string) ICERequest {
	request := ICERequest{User: sessions.RelayUser(session), Host: r.Host, Client: h.clientAddr(r)}
	if host, _, err := net.SplitHostPort(r.Host); err == nil {
		request.Host = host
	}
	request.Host = strings.TrimSuffix(strings.TrimPrefix(request.Host, "["), "]")
	if addr, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		request.Local = addr.AddrPort().Addr().Unmap()
	}
	return request
}

// ICEServer is a STUN or TURN server that clients may use.
type ICEServer struct {
	// URL is one "stun:…", "turn:…" or "turns:…" URI (RFC 7064, RFC 7065).
	URL string
	// Username and Credential are for TURN; empty otherwise.
	Username, Credential string
}

// addICEServers sets a Link header line for each server (RFC 9725 section 4.6).
func (h *Handler) addICEServers(header http.Header, r *http.Request, session string) {
	if h.cfg.ICEServers == nil {
		return
	}
	for _, server := range h.cfg.ICEServers(h.iceRequest(r, session)) {
		if link, ok := server.link(); ok {
			header.Add("Link", link)
		}
	}
}

// link formats the server as a Link header value (RFC 8288). Clients parse it in
// simple ways, so the form is always the same: one server a line, the parameters
// in this order, no space but after a semicolon. ok is false for what cannot be
// written in a header at all.
func (s ICEServer) link() (value string, ok bool) {
	if s.URL == "" || strings.ContainsAny(s.URL, `<>" `) {
		return "", false
	}
	for _, part := range []string{s.URL, s.Username, s.Credential} {
		if strings.ContainsFunc(part, func(c rune) bool { return c < ' ' || c >= 0x7f }) {
			return "", false
		}
	}
	var b strings.Builder
	b.WriteString("<" + s.URL + `>; rel="ice-server"`)
	if s.Username != "" || s.Credential != "" {
		b.WriteString("; username=" + quoted(s.Username))
		b.WriteString("; credential=" + quoted(s.Credential))
		b.WriteString(`; credential-type="password"`)
	}
	return b.String(), true
}

// quoted makes a quoted-string (RFC 9110 section 5.6.4).
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
