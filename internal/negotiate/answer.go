package negotiate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"
)

// maxAnswerSize is the size, in bytes, at which FFmpeg refuses an answer.
const maxAnswerSize = 8192

// groupLipSync marks sections that are played in step.
const groupLipSync = "LS"

// FinishAnswer turns an answer to o, once gathering is over, into the text that the
// client gets. It changes the answer. It has the sections of the posted offer, in
// order, those that were not accepted with port 0; only the attributes that an
// answer may have for that offer; and all of the server's candidates in the
// first section of the bundle, the best one first, as component 1, followed by
// end-of-candidates. Candidates that would make it 8192 bytes or more are left
// out, the least useful ones first.
//
// An error that wraps ErrNoCommonCodec means that a section was rejected that
// must not be: any of a publisher (RFC 9725 section 4.4.3), all of a viewer.
// Every other error is a fault of the server's own. Finishing a finished answer
// changes nothing.
func FinishAnswer(o *Offer, answer *sdp.SessionDescription) (string, error) {
	f := &finisher{offer: o, desc: answer, answered: make(map[string]*sdp.MediaDescription)}
	if err := f.index(); err != nil {
		return "", err
	}
	if err := f.sections(); err != nil {
		return "", err
	}
	f.session()

	return f.text()
}

// finisher is an answer while it is being finished.
type finisher struct {
	offer      *Offer
	desc       *sdp.SessionDescription
	answered   map[string]*sdp.MediaDescription // by mid
	accepted   []string                         // mids, in the order of the bundle
	candidates []string
}

// index notes the answered sections and collects the candidates, which pion
// writes into the first section even when it rejects that one.
func (f *finisher) index() error {
	for _, md := range f.desc.MediaDescriptions {
		f.candidates = append(f.candidates, values(md.Attributes, sdp.AttrKeyCandidate)...)
		mid, _ := lookup(md.Attributes, sdp.AttrKeyMID)
		if mid == "" {
			continue // pion rejects without a mid
		}
		if !slices.ContainsFunc(f.offer.Media, func(m Media) bool { return m.Mid == mid }) {
			return fmt.Errorf("the answer has a section %q that was not offered", clip(mid))
		}
		f.answered[mid] = md
	}
	f.candidates = sortCandidates(f.candidates)

	return nil
}

// sections writes one section for each offered one.
func (f *finisher) sections() error {
	f.desc.MediaDescriptions = nil
	accepted := make(map[string]bool)
	flowing := false
	for _, m := range f.offer.Media {
		md := f.answered[m.Mid]
		if m.Rejected || !f.isAccepted(m, md) {
			if f.offer.Role == Publish && m.Flows() {
				return fmt.Errorf("%w: %s, which offers %s, was rejected", ErrNoCommonCodec, m.where(), m.offered())
			}
			f.desc.MediaDescriptions = append(f.desc.MediaDescriptions, rejection(m))
			continue
		}
		if err := f.finishSection(m, md); err != nil {
			return err
		}
		accepted[m.Mid] = true
		flowing = flowing || !has(md.Attributes, dirInactive)
		f.desc.MediaDescriptions = append(f.desc.MediaDescriptions, md)
	}
	for _, mid := range f.offer.bundle {
		if accepted[mid] {
			f.accepted = append(f.accepted, mid)
		}
	}
	if !flowing || len(f.accepted) == 0 {
		return fmt.Errorf("%w: the stream has nothing that this client takes", ErrNoCommonCodec)
	}

	return nil
}

// isAccepted tells whether an answered section keeps its port. One that we make
// inactive is as good as rejected, and the client should know; but the first one of
// the bundle carries the transport, and a Chromium with bundlePolicy max-bundle does
// not connect without it.
func (f *finisher) isAccepted(m Media, md *sdp.MediaDescription) bool {
	if md == nil || md.MediaName.Port.Value == 0 {
		return false
	}
	carrier := f.offer.Role == Watch && len(f.offer.bundle) > 0 && f.offer.bundle[0] == m.Mid
	return m.Inactive || carrier || !has(md.Attributes, dirInactive)
}

// rejection is the section that says no to m. Firefox needs the connection line.
// The format of such a section means nothing, but pion clients look it up: 0 is
// the one that needs no rtpmap line.
func rejection(m Media) *sdp.MediaDescription {
	formats := m.formats
	if m.Kind == kindAudio || m.Kind == kindVideo {
		formats = []string{"0"}
	}
	md := &sdp.MediaDescription{
		MediaName:             sdp.MediaName{Media: m.Kind, Protos: m.protos, Formats: formats},
		ConnectionInformation: unspecifiedAddress(),
	}
	if m.Mid != "" {
		md.Attributes = append(md.Attributes, sdp.NewAttribute(sdp.AttrKeyMID, m.Mid))
	}
	md.Attributes = append(md.Attributes, sdp.NewPropertyAttribute(dirInactive))

	return md
}

// finishSection makes an accepted section agree with what was offered.
func (f *finisher) finishSection(m Media, md *sdp.MediaDescription) error {
	if err := f.check(m, md); err != nil {
		return err
	}
	md.MediaName.Protos = m.protos // pion always answers UDP/TLS/RTP/SAVPF
	// In the order of the offer (RFC 3264 section 6.1); pion puts rtx last.
	slices.SortStableFunc(md.MediaName.Formats, func(a, b string) int {
		return cmp.Compare(slices.Index(m.formats, a), slices.Index(m.formats, b))
	})

	// Everything about the transport that belongs into one place, or nowhere.
	strip := []string{
		sdp.AttrKeyCandidate, sdp.AttrKeyEndOfCandidates, sdp.AttrKeyICEOptions,
		attrRTCP, attrBundleOnly, attrRTCPMuxOnly,
	}
	if !m.rtcpRsize {
		strip = append(strip, sdp.AttrKeyRTCPRsize)
	}
	if f.offer.Role == Publish {
		strip = append(strip, sdp.AttrKeyMsid, sdp.AttrKeySSRC, sdp.AttrKeySSRCGroup)
	}
	attrs := set(without(md.Attributes, strip...), sdp.AttrKeyRTCPMux, "")
	if m.rtcpMuxOnly {
		i := slices.IndexFunc(attrs, named(sdp.AttrKeyRTCPMux))
		attrs = slices.Insert(attrs, i+1, sdp.NewPropertyAttribute(attrRTCPMuxOnly))
	}
	md.Attributes = keep(attrs, func(a sdp.Attribute) bool {
		if a.Key != sdp.AttrKeyExtMap {
			return true
		}
		ext, _, ok := parseExtension(a.Value)
		return ok && slices.Contains(m.Extensions, ext)
	})
	m.mirrorExtensions(md.Attributes, f.offer.Role)
	withoutParameterSets(md)

	return nil
}

// mirrorExtensions answers what was offered for one direction with the other one (RFC 8285
// section 6).
func (m Media) mirrorExtensions(attrs []sdp.Attribute, role Role) {
	for i, a := range attrs {
		if a.Key != sdp.AttrKeyExtMap {
			continue
		}
		if ext, direction, _ := parseExtension(a.Value); direction == "" && slices.Contains(m.oneWay, ext.ID) {
			attrs[i].Value = fmt.Sprintf("%d/%s %s", ext.ID, role.answerDirection(), ext.URI)
		}
	}
}

// check finds the faults of an answer that would leave the client waiting.
func (f *finisher) check(m Media, md *sdp.MediaDescription) error {
	want := f.offer.Role.answerDirection()
	if m.Inactive {
		want = dirInactive
	}
	unused := f.offer.Role == Watch && has(md.Attributes, dirInactive)
	if !unused && !has(md.Attributes, want) {
		return fmt.Errorf("the answer to %s is not %s", m.where(), want)
	}
	setup, _ := lookup(md.Attributes, sdp.AttrKeyConnectionSetup)
	switch {
	case setup != "active" && setup != "passive":
		return fmt.Errorf("the answer to %s has a=setup:%s", m.where(), clip(setup))
	case setup == f.offer.setup:
		return fmt.Errorf("the answer to %s is %s, and so is the client: nobody or everybody would start DTLS",
			m.where(), setup)
	}

	return nil
}

// withoutParameterSets takes the publisher's SPS and PPS out of an echoed fmtp
// line: WebRTC sends them in band (RFC 7742 section 6.2).
func withoutParameterSets(md *sdp.MediaDescription) {
	for i, a := range md.Attributes {
		if a.Key != attrFmtp {
			continue
		}
		pt, parameters, _ := strings.Cut(a.Value, " ")
		md.Attributes[i].Value = pt + " " + withoutFmtpParameter(parameters, "sprop-parameter-sets")
	}
	md.Attributes = keep(md.Attributes, func(a sdp.Attribute) bool {
		return a.Key != attrFmtp || !strings.HasSuffix(a.Value, " ")
	})
}

// session writes the attributes of the session.
func (f *finisher) session() {
	attrs := set(f.desc.Attributes, sdp.AttrKeyGroup, "BUNDLE "+strings.Join(f.accepted, " "))
	if f.offer.Role == Publish {
		attrs = without(attrs, sdp.AttrKeyMsidSemantic)
	}
	if !f.offer.allowMixed {
		attrs = without(attrs, sdp.AttrKeyExtMapAllowMixed)
	}
	options := f.offer.agreedOptions()
	if len(options) == 0 {
		attrs = without(attrs, sdp.AttrKeyICEOptions)
	} else {
		attrs = set(attrs, sdp.AttrKeyICEOptions, strings.Join(options, " "))
	}
	f.desc.Attributes = append(attrs, f.lipSync()...)
}

// lipSync confirms the offered LS groups (RFC 8829 section 5.3.1): what we send is
// one stream. A publisher's answer sends nothing.
func (f *finisher) lipSync() []sdp.Attribute {
	if f.offer.Role == Publish {
		return nil
	}
	var groups []sdp.Attribute
	for _, mids := range f.offer.lipSync {
		flowing := slices.DeleteFunc(slices.Clone(mids), func(mid string) bool {
			md := f.answered[mid]
			return !slices.Contains(f.accepted, mid) || has(md.Attributes, dirInactive)
		})
		if len(flowing) > 1 {
			groups = append(groups, sdp.NewAttribute(sdp.AttrKeyGroup, groupLipSync+" "+strings.Join(flowing, " ")))
		}
	}

	return groups
}

// agreedOptions are the ICE options of the server's side. A client that did not
// offer trickle or ice2 may not get them (RFC 8829 section 5.3.1); pion writes
// neither.
func (o *Offer) agreedOptions() []string {
	return slices.DeleteFunc(slices.Clone(o.IceOptions), func(option string) bool {
		return option != "trickle" && option != "ice2"
	})
}

// text adds the candidates, as many as fit, and writes the answer. The first one
// always stays: without it an answer is worth nothing at any size.
func (f *finisher) text() (string, error) {
	tagged := f.answered[f.accepted[0]]
	end := sdp.NewPropertyAttribute(sdp.AttrKeyEndOfCandidates)
	tagged.Attributes = append(tagged.Attributes, end)
	size := f.desc.MarshalSize()

	tagged.Attributes = tagged.Attributes[:len(tagged.Attributes)-1]
	for i, value := range f.candidates {
		a := sdp.NewAttribute(sdp.AttrKeyCandidate, value)
		size += len("a=candidate:\r\n") + len(value)
		if i > 0 && size >= maxAnswerSize {
			break
		}
		tagged.Attributes = append(tagged.Attributes, a)
	}
	tagged.Attributes = append(tagged.Attributes, end)
	text, err := f.desc.Marshal()
	if err != nil {
		return "", fmt.Errorf("write the answer: %w", err)
	}

	return string(text), nil
}

// sortCandidates returns the server's candidates for component 1, each once, in
// the order of their use. pion lists each for component 2 as well, which the
// client does not have (RFC 5761).
func sortCandidates(values []string) []string {
	type ranked struct {
		candidate
		value string
		rank  int
	}
	var sorted []ranked
	seen := make(map[string]bool)
	elsewhere := false // is there a host that is not this machine only?
	for _, value := range values {
		c, ok := parseCandidate(value)
		if ok && c.component == 1 && !seen[value] {
			sorted = append(sorted, ranked{candidate: c, value: value})
			elsewhere = elsewhere || (c.typ == typHost && !c.addr.IsLoopback())
		}
		seen[value] = true
	}
	for i := range sorted {
		sorted[i].rank = sorted[i].candidate.rank(elsewhere)
	}
	slices.SortStableFunc(sorted, func(a, b ranked) int { return cmp.Compare(a.rank, b.rank) })

	order := make([]string, len(sorted))
	for i, r := range sorted {
		order[i] = r.value
	}

	return order
}
