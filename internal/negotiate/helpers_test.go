package negotiate_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pion/sdp/v3"

	"porthole/internal/negotiate"
)

// described reads what pion, or a test, has written.
func described(text string) (*sdp.SessionDescription, error) {
	desc := new(sdp.SessionDescription)
	if err := desc.UnmarshalString(text); err != nil {
		return nil, err
	}
	if len(desc.TimeDescriptions) == 0 {
		return nil, errors.New("it ends early")
	}
	return desc, nil
}

// finishAnswer is FinishAnswer for a text.
func finishAnswer(o *negotiate.Offer, answer string) (string, error) {
	desc, err := described(answer)
	if err != nil {
		return "", err
	}
	return negotiate.FinishAnswer(o, desc)
}

// plain is the smallest offer of audio and video; %DIR% is its direction.
const plain = `v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=ice-options:trickle
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=ice-ufrag:abcd
a=ice-pwd:0123456789abcdefghijkl
a=fingerprint:sha-256 3E:5D:09:C4:7A:61:F8:22:9B:E0:14:AD:57:C3:88:0F:6B:D2:41:96:EE:70:35:1C:A9:04:BF:68:DB:12:F7:80
a=setup:actpass
a=mid:0
a=%DIR%
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=candidate:1 1 udp 2113937151 127.0.0.1 40000 typ host
m=video 9 UDP/TLS/RTP/SAVPF 96 97
c=IN IP4 0.0.0.0
a=ice-ufrag:abcd
a=ice-pwd:0123456789abcdefghijkl
a=fingerprint:sha-256 3E:5D:09:C4:7A:61:F8:22:9B:E0:14:AD:57:C3:88:0F:6B:D2:41:96:EE:70:35:1C:A9:04:BF:68:DB:12:F7:80
a=setup:actpass
a=mid:1
a=%DIR%
a=rtcp-mux
a=rtpmap:96 H264/90000
a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
`

// offerText returns the plain offer for a role, with replacements: pairs of old
// and new text, every occurrence.
func offerText(role negotiate.Role, replacements ...string) string {
	direction := "sendonly"
	if role == negotiate.Watch {
		direction = "recvonly"
	}
	text := strings.ReplaceAll(plain, "%DIR%", direction)
	for i := 0; i+1 < len(replacements); i += 2 {
		text = strings.ReplaceAll(text, replacements[i], replacements[i+1])
	}

	return strings.ReplaceAll(text, "\n", "\r\n")
}

// section cuts the n-th section out of a description, counting from 0; -1 is
// the session.
func section(t *testing.T, text string, n int) string {
	t.Helper()
	parts := strings.Split(text, "\r\nm=")
	if n+1 >= len(parts) {
		t.Fatalf("no section %d in:\n%s", n, text)
	}
	if n < 0 {
		return parts[0] + "\r\n"
	}

	return "m=" + strings.TrimSuffix(parts[n+1], "\r\n") + "\r\n"
}

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", name+".sdp"))
	if err != nil {
		t.Fatal(err)
	}

	return body
}

func fixtures(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.sdp")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	found := make(map[string][]byte)
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".sdp")
		found[name] = fixture(t, name)
	}

	return found
}

// roleOf tells from the name of a fixture what its client wants.
func roleOf(name string) negotiate.Role {
	if strings.HasSuffix(name, "recvonly") {
		return negotiate.Watch
	}

	return negotiate.Publish
}

func mustParse(t testing.TB, role negotiate.Role, body string) *negotiate.Offer {
	t.Helper()
	o, err := negotiate.ParseOffer(role, []byte(body))
	if err != nil {
		t.Fatalf("ParseOffer: %v", err)
	}

	return o
}

// wantLines checks that each of the lines, given without the line end, occurs.
func wantLines(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains("\r\n"+text, "\r\n"+line+"\r\n") {
			t.Errorf("no line %q in:\n%s", line, text)
		}
	}
}

// wantNone checks that none of the strings occurs.
func wantNone(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(text, part) {
			t.Errorf("unwanted %q in:\n%s", part, text)
		}
	}
}
