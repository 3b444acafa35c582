package conformance_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// plain is the smallest offer of one audio and one video track. %DIR% stands for
// its direction.
const plain = `v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=ice-ufrag:abcd
a=ice-pwd:0123456789abcdefghijkl
a=fingerprint:sha-256 3E:5D:09:C4:7A:61:F8:22:9B:E0:14:AD:57:C3:88:0F:6B:D2:41:96:EE:70:35:1C:A9:04:BF:68:DB:12:F7:80
a=setup:actpass
a=mid:0
a=%DIR%
a=msid:stream audio
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
m=video 9 UDP/TLS/RTP/SAVPF 96
c=IN IP4 0.0.0.0
a=ice-ufrag:abcd
a=ice-pwd:0123456789abcdefghijkl
a=fingerprint:sha-256 3E:5D:09:C4:7A:61:F8:22:9B:E0:14:AD:57:C3:88:0F:6B:D2:41:96:EE:70:35:1C:A9:04:BF:68:DB:12:F7:80
a=setup:actpass
a=mid:1
a=%DIR%
a=msid:stream video
a=rtcp-mux
a=rtpmap:96 VP8/90000
`

// The client's ICE credentials in plain.
const plainUfrag, plainPwd = "abcd", "0123456789abcdefghijkl"

// whipOffer returns the plain offer of a publisher, changed: pairs of old and new
// text, every occurrence. A text that does not occur fails the test.
func whipOffer(t testing.TB, changes ...string) string {
	t.Helper()
	return changed(t, strings.ReplaceAll(plain, "%DIR%", "sendonly"), changes)
}

// whepOffer is whipOffer for a viewer.
func whepOffer(t testing.TB, changes ...string) string {
	t.Helper()
	text := strings.NewReplacer("%DIR%", "recvonly", "a=msid:stream audio\n", "", "a=msid:stream video\n", "").Replace(plain)
	return changed(t, text, changes)
}

func changed(t testing.TB, text string, changes []string) string {
	t.Helper()
	for i := 0; i+1 < len(changes); i += 2 {
		if !strings.Contains(text, changes[i]) {
			t.Fatalf("the test changes %q, which is not in:\n%s", changes[i], text)
		}
		text = strings.ReplaceAll(text, changes[i], changes[i+1])
	}
	return strings.ReplaceAll(text, "\n", "\r\n")
}

// withoutSection takes the section of a kind out of the plain offer.
func withoutSection(offer, kind string) string {
	var kept []string
	for i, part := range strings.Split(offer, "\r\nm=") {
		if i == 0 || !strings.HasPrefix(part, kind) {
			kept = append(kept, part)
		}
	}
	mid := map[string]string{"audio": "1", "video": "0"}[kind]
	text := strings.Join(kept, "\r\nm=")
	return strings.Replace(strings.TrimSuffix(text, "\r\n")+"\r\n", "BUNDLE 0 1", "BUNDLE "+mid, 1)
}

// fixture returns an offer as a real client makes it.
func fixture(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("../negotiate/testdata/" + name + ".sdp")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// description is an SDP text cut into the session's lines and those of each
// section.
type description struct {
	text     string
	session  []string
	sections [][]string // the first line is the m= line
}

func parse(text string) description {
	d := description{text: text}
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\r\n"), "\r\n") {
		switch {
		case strings.HasPrefix(line, "m="):
			d.sections = append(d.sections, []string{line})
		case len(d.sections) == 0:
			d.session = append(d.session, line)
		default:
			d.sections[len(d.sections)-1] = append(d.sections[len(d.sections)-1], line)
		}
	}
	return d
}

// values returns what follows "a=name:" in lines; a flag attribute has "".
func values(lines []string, name string) (found []string) {
	for _, line := range lines {
		if rest, ok := strings.CutPrefix(line, "a="+name); ok && (rest == "" || rest[0] == ':') {
			found = append(found, strings.TrimPrefix(rest, ":"))
		}
	}
	return found
}

// value returns the first of values, or "none".
func value(lines []string, name string) string {
	if found := values(lines, name); len(found) > 0 {
		return found[0]
	}
	return "none"
}

// header returns kind, port, protocol and formats of a section.
func header(section []string) (kind, port, proto string, formats []string) {
	f := strings.Fields(strings.TrimPrefix(section[0], "m="))
	if len(f) < 3 {
		return "", "", "", nil
	}
	return f[0], f[1], f[2], f[3:]
}

// wants fails the test unless each of the lines occurs.
func (d description) wants(t testing.TB, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains("\r\n"+d.text, "\r\n"+line+"\r\n") {
			t.Errorf("no line %q in:\n%s", line, d.text)
		}
	}
}

// lacks fails the test when a line matches one of the expressions.
func (d description) lacks(t testing.TB, expressions ...string) {
	t.Helper()
	for _, e := range expressions {
		if line := regexp.MustCompile(`(?m)^` + e).FindString(d.text); line != "" {
			t.Errorf("%q, which must not be there, is in:\n%s", line, d.text)
		}
	}
}

// each fails the test unless every accepted section has the line.
func (d description) each(t testing.TB, line string) {
	t.Helper()
	for _, section := range d.sections {
		if _, port, _, _ := header(section); port != "0" && !slices.Contains(section, line) {
			t.Errorf("no line %q in the section:\n%s", line, strings.Join(section, "\n"))
		}
	}
}
