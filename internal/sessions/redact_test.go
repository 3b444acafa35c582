package sessions_test

import (
	"strings"
	"testing"

	"porthole/internal/sessioninfo"
	"porthole/internal/sessions"
)

// The same address has the same stand-in wherever it stands.
func TestRedactKeepsTellingAddressesApart(t *testing.T) {
	transcript := sessioninfo.Transcript{Session: "abc", Client: "203.0.113.9", Exchanges: []sessioninfo.Exchange{{
		Path: "/whep/cam/abc/events/feedsecret",
		Request: sessioninfo.Message{Body: "o=- 1 2 IN IP4 192.168.1.20\r\nc=IN IP4 0.0.0.0\r\n" +
			"a=candidate:1 1 udp 99 192.168.1.20 5000 typ host\r\n" +
			"a=candidate:2 1 udp 98 203.0.113.9 5001 typ srflx raddr 192.168.1.20 rport 5000\r\n" +
			"a=candidate:3 1 udp 97 0a1b.local 5002 typ host\r\n" +
			"a=candidate:4 1 udp 96 2001:db8::1 5003 typ host\r\n"},
		Response: sessioninfo.Message{Headers: map[string][]string{
			"Location": {"/whep/cam/abc/events/feedsecret"},
			"Link":     {"<turn:[2001:db8::2]:3478>; rel=\"ice-server\"; username=\"u\"; credential=\"REDACTED\""},
		}},
	}}}
	x := sessions.Redact(transcript).Exchanges[0]
	want := "o=- 1 2 IN IP4 PRIVATE-2\r\nc=IN IP4 0.0.0.0\r\n" +
		"a=candidate:1 1 udp 99 PRIVATE-2 5000 typ host\r\n" +
		"a=candidate:2 1 udp 98 PUBLIC-1 5001 typ srflx raddr PRIVATE-2 rport 5000\r\n" +
		"a=candidate:3 1 udp 97 NAME-3 5002 typ host\r\n" +
		"a=candidate:4 1 udp 96 PUBLIC6-4 5003 typ host\r\n"
	if x.Request.Body != want {
		t.Errorf("got %q\nwant %q", x.Request.Body, want)
	}
	if x.Path != "/whep/cam/SESSION/events/FEED" || x.Response.Headers["Location"][0] != x.Path {
		t.Errorf("path %q, location %q", x.Path, x.Response.Headers["Location"])
	}
	if got := x.Response.Headers["Link"][0]; strings.Contains(got, "2001") || strings.Contains(got, `"u"`) {
		t.Errorf("link %q", got)
	}
	if strings.Contains(transcript.Exchanges[0].Path, "SESSION") {
		t.Error("the original was changed")
	}
}
