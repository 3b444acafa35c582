package sessions

import (
	"fmt"
	"net/netip"
	"strings"

	"porthole/internal/sessioninfo"
)

// What is never kept of a transcript, and what is taken out of one that is to be
// shown to strangers.

const redacted = "REDACTED"

// withoutPasswords blanks the ICE passwords of an SDP or a fragment: with them
// anybody could answer connectivity checks for one of the two.
func withoutPasswords(text string) string {
	return replaceLines(text, func(line string) string {
		if strings.HasPrefix(line, "a=ice-pwd:") {
			return "a=ice-pwd:" + redacted
		}
		return line
	})
}

// replaceLines changes a text line by line and keeps the ends of the lines.
func replaceLines(text string, change func(string) string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		content := strings.TrimRight(line, "\r\n")
		b.WriteString(change(content))
		b.WriteString(line[len(content):])
	}
	return b.String()
}

// withoutCredential blanks the password in the Link of a TURN server (RFC 9725 4.6).
func withoutCredential(link string) string {
	return parameterOf(link, "credential")
}

// parameterOf blanks the quoted value of one parameter.
func parameterOf(link, name string) string {
	before, rest, ok := strings.Cut(link, "; "+name+`="`)
	if !ok {
		return link
	}
	end := 0
	for end < len(rest) && rest[end] != '"' {
		if rest[end] == '\\' {
			end++
		}
		end++
	}
	return before + "; " + name + `="` + redacted + rest[min(end, len(rest)):]
}

// Redact returns a transcript without what tells who the client is or where: no
// addresses, names of hosts, fingerprints, user names of relays, session ids. The
// same address has the same stand-in everywhere, which says what kind it is.
func Redact(t sessioninfo.Transcript) sessioninfo.Transcript {
	r := redactor{names: make(map[string]string)}
	id := t.Session
	clean := func(text string) string {
		if id != "" {
			text = strings.ReplaceAll(text, id, "SESSION")
		}
		if before, feed, ok := strings.Cut(text, "/SESSION/events/"); ok && !strings.ContainsAny(feed, "\n>;") {
			text = before + "/SESSION/events/FEED"
		}
		return text
	}
	t.Session, t.Client = "SESSION", r.address(t.Client)
	exchanges := make([]sessioninfo.Exchange, len(t.Exchanges))
	for i, x := range t.Exchanges {
		x.Path = clean(x.Path)
		x.Request, x.Response = r.message(x.Request, clean), r.message(x.Response, clean)
		exchanges[i] = x
	}
	t.Exchanges = exchanges
	return t
}

// redactor gives each address a name.
type redactor struct{ names map[string]string }

func (r redactor) message(m sessioninfo.Message, clean func(string) string) sessioninfo.Message {
	headers := make(map[string][]string, len(m.Headers))
	for name, values := range m.Headers {
		for _, value := range values {
			switch name {
			case "Link":
				value = parameterOf(value, "username")
				value = withoutHost(value)
			case "Host", "Origin":
				value = redacted
			}
			headers[name] = append(headers[name], clean(value))
		}
	}
	m.Headers = headers
	m.Body = replaceLines(clean(m.Body), r.line)
	return m
}

// hostOf returns the host of a Link's STUN or TURN URI (RFC 7064, RFC 7065), with the
// brackets of an IPv6 address taken off; "" when it is none.
func hostOf(link string) string {
	begin, end := hostIn(link)
	return strings.Trim(link[begin:end], "[]")
}

// withoutHost blanks it.
func withoutHost(link string) string {
	begin, end := hostIn(link)
	if begin == end {
		return link
	}
	return link[:begin] + "HOST" + link[end:]
}

// hostIn says where the host begins and ends.
func hostIn(link string) (begin, end int) {
	for _, scheme := range []string{"<stun:", "<stuns:", "<turn:", "<turns:"} {
		rest, ok := strings.CutPrefix(link, scheme)
		if !ok {
			continue
		}
		length := strings.IndexAny(rest, ":?>")
		if strings.HasPrefix(rest, "[") {
			length = strings.IndexByte(rest, ']') + 1
		}
		return len(scheme), len(scheme) + max(length, 0)
	}
	return 0, 0
}

// line redacts one line of SDP.
func (r redactor) line(line string) string {
	kind, value, _ := strings.Cut(line, ":")
	switch {
	case kind == "a=fingerprint":
		hash, _, _ := strings.Cut(value, " ")
		return kind + ":" + hash + " " + redacted
	case kind == "a=ice-ufrag":
		return kind + ":" + redacted
	case kind == "a=candidate":
		return r.words(line)
	case strings.HasPrefix(line, "o="), strings.HasPrefix(line, "c="), kind == "a=rtcp":
		return r.words(line)
	default:
		return line
	}
}

// words redacts what is an address among the words of a line.
func (r redactor) words(line string) string {
	words := strings.Split(line, " ")
	for i, word := range words {
		if isHost(word) {
			words[i] = r.address(word)
		}
	}
	return strings.Join(words, " ")
}

func isHost(word string) bool {
	if strings.HasSuffix(strings.ToLower(word), ".local") {
		return true
	}
	addr, err := netip.ParseAddr(word)
	return err == nil && !addr.IsUnspecified()
}

// address returns the stand-in of an address: "PRIVATE-1" and so on.
func (r redactor) address(host string) string {
	if host == "" {
		return ""
	}
	if name, ok := r.names[host]; ok {
		return name
	}
	kind := "PUBLIC"
	addr, err := netip.ParseAddr(host)
	switch addr = addr.Unmap(); {
	case err != nil:
		kind = "NAME"
	case addr.IsLoopback():
		kind = "LOOPBACK"
	case addr.IsLinkLocalUnicast():
		kind = "LINKLOCAL"
	case addr.IsPrivate():
		kind = "PRIVATE"
	}
	if addr.Is6() {
		kind += "6"
	}
	r.names[host] = fmt.Sprintf("%s-%d", kind, len(r.names)+1)
	return r.names[host]
}
