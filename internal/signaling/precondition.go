package signaling

import (
	"net/http"
	"slices"
	"strings"
)

// precondition is what an If-Match header asks for (RFC 9110 section 13.1.1).
type precondition struct {
	present bool
	any     bool     // "*"
	tags    []string // strong entity tags, with their quotes
}

// parseIfMatch reads the If-Match header of a PATCH. The example in RFC 9725 has
// the asterisk in quotes, and some clients copy it: both forms mean any. Weak tags
// never match in this header, and neither does what is not a tag at all.
func parseIfMatch(h http.Header) precondition {
	values := h.Values("If-Match")
	p := precondition{present: len(values) > 0}
	rest := strings.Join(values, ",")
	for {
		rest = strings.TrimLeft(rest, ", \t")
		if rest == "" {
			return p
		}
		if token, after, ok := cutTag(rest); ok {
			p.add(token)
			rest = after
			continue
		}
		token, after, _ := strings.Cut(rest, ",")
		p.add(strings.TrimSpace(token))
		rest = after
	}
}

// cutTag splits a quoted tag off the front. A comma inside the quotes is its own.
func cutTag(s string) (tag, rest string, ok bool) {
	if s[0] != '"' {
		return "", "", false
	}
	end := strings.IndexByte(s[1:], '"')
	if end < 0 {
		return "", "", false
	}
	return s[:end+2], s[end+2:], true
}

func (p *precondition) add(token string) {
	switch {
	case token == "*", token == `"*"`:
		p.any = true
	case len(token) >= 2 && token[0] == '"' && token[len(token)-1] == '"':
		p.tags = append(p.tags, token)
	}
}

// matches tells whether the current tag, quotes included, satisfies it. Every tag
// satisfies one that is not there.
func (p *precondition) matches(tag string) bool {
	return !p.present || p.any || slices.Contains(p.tags, tag)
}
