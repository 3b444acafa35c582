package negotiate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"
)

// Fragment is the content of a PATCH with application/trickle-ice-sdpfrag
// (RFC 8840 section 9).
type Fragment struct {
	// Ufrag and Pwd are the client's ICE credentials. New ones ask for an ICE
	// restart. Pwd is empty when the client left it out.
	Ufrag, Pwd string
	// Options are the tokens of a=ice-options; empty when there is no such line.
	Options []string
	// Candidates are the usable ones; those which the server cannot check (TCP,
	// mDNS names, component 2) are left out without an error (RFC 9725 section 4.3.2).
	Candidates []Candidate
	// Hidden are those left out that have a name in the place of an address (mDNS).
	Hidden []Hidden
	// EndOfCandidates says that the client has no more.
	EndOfCandidates bool
}

// Candidate is one address of the client.
type Candidate struct {
	// Mid is the section that it was listed in; empty when none was named.
	Mid string
	// MLineIndex counts the m= lines of the fragment from 0; -1 before the first.
	MLineIndex int
	// Value has the form "candidate:…" that addIceCandidate takes.
	Value string
}

// ParseFragment reads a trickle-ice-sdpfrag. It follows what clients send rather
// than what the grammar allows: credentials may stand at any level (the first
// ones count), an m= line may be a dummy of any kind or missing. Errors wrap
// ErrMalformed or, when it has more of something than is read, ErrUnusable.
func ParseFragment(body []byte) (*Fragment, error) {
	if err := checkBounds(body); err != nil {
		return nil, err
	}
	p := &fragmentParser{line: -1}
	if err := eachLine(body, p.take); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	p.endSection()
	if !isICEToken(p.Ufrag) {
		return nil, fmt.Errorf("%w: the fragment has no usable a=ice-ufrag", ErrMalformed)
	}
	if p.Pwd != "" && !isICEToken(p.Pwd) {
		return nil, fmt.Errorf("%w: the fragment has no usable a=ice-pwd", ErrMalformed)
	}

	return &p.Fragment, nil
}

type fragmentParser struct {
	Fragment
	line    int      // index of the current m= line
	mid     string   // of the current section
	pending []string // candidates of the current section, whose mid may follow them
}

// take reads one line.
func (p *fragmentParser) take(kind byte, value string) error {
	if kind == 'm' {
		p.endSection()
		p.line++
		return nil
	}
	if kind != 'a' {
		return nil
	}
	key, value, _ := strings.Cut(value, ":")
	value = strings.TrimSpace(value)
	switch key {
	case "mid":
		// A fragment without m= lines may still name several sections.
		if p.mid != "" {
			p.endSection()
		}
		p.mid = value
	case attrICEUfrag:
		p.Ufrag = firstOf(p.Ufrag, value)
	case attrICEPwd:
		p.Pwd = firstOf(p.Pwd, value)
	case sdp.AttrKeyICEOptions:
		if len(p.Options) == 0 {
			p.Options = strings.FieldsFunc(value, isListSeparator)
		}
	case "candidate":
		p.pending = append(p.pending, value)
	case "end-of-candidates":
		p.EndOfCandidates = true
	}

	return nil
}

// endSection files the candidates of the section that ends.
func (p *fragmentParser) endSection() {
	p.Hidden = hiddenCandidates(p.Hidden, p.pending)
	for _, value := range usableCandidates(p.pending) {
		c := Candidate{Mid: p.mid, MLineIndex: p.line, Value: "candidate:" + value}
		known := slices.ContainsFunc(p.Candidates, func(k Candidate) bool { return k.Mid == c.Mid && k.Value == c.Value })
		if !known && len(p.Candidates) < maxCandidates {
			p.Candidates = append(p.Candidates, c)
		}
	}
	p.mid, p.pending = "", nil
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}

	return b
}

// RestartAnswer is the fragment that answers an ICE restart in a session that began
// with o (RFC 9725 section 4.3.3): the server's new credentials, its candidates
// ("a=" values, ordered as in an answer) and the options that the answer had.
func (o *Offer) RestartAnswer(ufrag, pwd string, candidates []string) *Fragment {
	f := &Fragment{Ufrag: ufrag, Pwd: pwd, Options: o.agreedOptions(), EndOfCandidates: true}
	for _, value := range sortCandidates(candidates) {
		value = strings.TrimPrefix(value, "candidate:")
		f.Candidates = append(f.Candidates, Candidate{Mid: o.bundle[0], Value: "candidate:" + value})
	}

	return f
}

// FormatFragment writes a fragment as the server sends it after an ICE restart,
// and as a client sends it: one pseudo section (RFC 8840 section 4.4) for each
// run of candidates with the same mid. Parsing it gives the fragment back, up to
// MLineIndex.
func FormatFragment(f *Fragment) string {
	var b strings.Builder
	fmt.Fprintf(&b, "a=ice-ufrag:%s\r\n", f.Ufrag)
	if f.Pwd != "" {
		fmt.Fprintf(&b, "a=ice-pwd:%s\r\n", f.Pwd)
	}
	if len(f.Options) > 0 {
		fmt.Fprintf(&b, "a=ice-options:%s\r\n", strings.Join(f.Options, " "))
	}
	mid := ""
	for _, c := range f.Candidates {
		if c.Mid != mid {
			mid = c.Mid
			fmt.Fprintf(&b, "m=audio 9 RTP/AVP 0\r\na=mid:%s\r\n", mid)
		}
		fmt.Fprintf(&b, "a=%s\r\n", c.Value)
	}
	if f.EndOfCandidates {
		b.WriteString("a=end-of-candidates\r\n")
	}

	return b.String()
}
