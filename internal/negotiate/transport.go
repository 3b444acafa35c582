package negotiate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"
)

// readGroups notes which sections share a transport and which are played in step.
func (d *draft) readGroups() {
	for _, value := range values(d.desc.Attributes, sdp.AttrKeyGroup) {
		switch f := strings.Fields(value); {
		case len(f) > 0 && f[0] == "BUNDLE" && !d.grouped:
			d.group, d.grouped = f[1:], true
		case len(f) > 0 && f[0] == groupLipSync:
			d.offer.lipSync = append(d.offer.lipSync, f[1:])
		}
	}
}

// checkBundle puts all sections on one transport. FFmpeg lists mids that it does not
// offer, which would make pion look for the transport where there is none.
func (d *draft) checkBundle() error {
	offered := d.group
	if !d.grouped {
		if len(d.live) > 1 {
			return fmt.Errorf("%w: it has no a=group:BUNDLE; all tracks share one connection here, "+
				"so set the bundle policy to max-bundle", ErrUnusable)
		}
		offered = []string{d.live[0].Mid}
	}
	for _, s := range d.live {
		if !slices.Contains(offered, s.Mid) {
			return fmt.Errorf("%w: %s is outside a=group:BUNDLE; all tracks share one connection here",
				ErrUnusable, s.where())
		}
	}
	d.orderForTransport(offered)

	// Other groups (LS) go: pion takes the first group to be the bundle. The
	// answer has them again.
	d.desc.Attributes = set(d.desc.Attributes, sdp.AttrKeyGroup, "BUNDLE "+strings.Join(d.offer.bundle, " "))

	return nil
}

// orderForTransport notes the usable sections in the order of the group.
func (d *draft) orderForTransport(group []string) {
	for _, mid := range group {
		if s := find(d.live, mid); s != nil && !slices.Contains(d.offer.bundle, mid) {
			d.offer.bundle = append(d.offer.bundle, mid)
		}
	}
}

func find(sections []*section, mid string) *section {
	for _, s := range sections {
		if s.Mid == mid {
			return s
		}
	}

	return nil
}

// readTransport reads what every connection needs, from the section that describes
// it: ICE credentials and the hash of a certificate. An offer without media needs none.
func (d *draft) readTransport() (err error) {
	d.readGroups()
	if len(d.live) == 0 {
		return nil
	}
	d.carrier = d.findCarrier()
	if d.common, err = iceOf(d.carrier); err != nil {
		return err
	}
	d.fingerprint, err = d.readFingerprint()
	return err
}

// checkTransport completes every section with the bundle's ICE and DTLS parameters,
// because only the first section of a bundle must have them (RFC 9143 section 7.1.3)
// and pion reads some of them from whichever comes first. What a section says of its
// own ICE transport stays: should the sections before it be rejected, that is the
// transport to use.
func (d *draft) checkTransport() error {
	if d.fingerprint == "" {
		return fmt.Errorf("%w: a=fingerprint uses an unknown algorithm; use sha-256", ErrUnusable)
	}
	setup, err := dtlsSetup(d.carrier)
	if err != nil {
		return err
	}
	for _, s := range d.live {
		if err := s.checkMux(s == d.carrier); err != nil {
			return err
		}
		if s.ice, err = iceOf(s); err != nil {
			s.ice = d.common
		}
		if s.ice.ufrag == d.common.ufrag && len(s.ice.candidates) == 0 {
			s.ice = d.common
		}
		s.writeTransport(d.fingerprint, setup)
	}
	tagged := find(d.live, d.offer.bundle[0])
	d.offer.setup = setup
	d.offer.Ufrag, d.offer.Pwd = tagged.ice.ufrag, tagged.ice.pwd
	d.offer.HasCandidates = len(tagged.ice.candidates) > 0
	d.iceOptions()

	return nil
}

// iceTransport is what a section says of its ICE transport.
type iceTransport struct {
	ufrag, pwd string
	candidates []string // the usable ones
	complete   bool     // there will be no more of them
}

// iceOf reads the ICE transport of a section. The length of the credentials is
// not enforced: too short ones are the client's own risk.
func iceOf(s *section) (iceTransport, error) {
	attrs := s.md.Attributes
	t := iceTransport{
		candidates: usableCandidates(values(attrs, sdp.AttrKeyCandidate)),
		complete:   has(attrs, sdp.AttrKeyEndOfCandidates),
	}
	t.ufrag, _ = lookup(attrs, attrICEUfrag)
	t.pwd, _ = lookup(attrs, attrICEPwd)
	if !isICEToken(t.ufrag) {
		return iceTransport{}, fmt.Errorf("%w: it has no usable a=ice-ufrag", ErrMalformed)
	}
	if !isICEToken(t.pwd) {
		return iceTransport{}, fmt.Errorf("%w: it has no usable a=ice-pwd", ErrMalformed)
	}

	return t, nil
}

func isICEToken(s string) bool {
	return s != "" && len(s) <= 256 && !strings.ContainsAny(s, " \t")
}

// writeTransport writes all of the transport except for the candidates, which
// come last.
func (s *section) writeTransport(fingerprint, setup string) {
	attrs := set(s.md.Attributes, sdp.AttrKeyMID, s.Mid)
	attrs = set(attrs, attrICEUfrag, s.ice.ufrag)
	attrs = set(attrs, attrICEPwd, s.ice.pwd)
	attrs = set(attrs, attrFingerprint, fingerprint)
	attrs = set(attrs, sdp.AttrKeyConnectionSetup, setup)
	attrs = set(attrs, sdp.AttrKeyRTCPMux, "")
	s.md.Attributes = without(attrs, sdp.AttrKeyCandidate, sdp.AttrKeyEndOfCandidates, attrBundleOnly)

	// A port, so that nobody takes a bundle-only section for a rejected one.
	if s.md.MediaName.Port.Value == 0 {
		s.md.MediaName.Port = sdp.RangedPort{Value: discardPort}
	}
	if s.md.ConnectionInformation == nil {
		s.md.ConnectionInformation = unspecifiedAddress()
	}
}

// writeCandidates appends the candidates.
func (s *section) writeCandidates() {
	for _, value := range s.ice.candidates {
		s.md.Attributes = append(s.md.Attributes, sdp.NewAttribute(sdp.AttrKeyCandidate, value))
	}
	if s.ice.complete {
		s.md.Attributes = append(s.md.Attributes, sdp.NewPropertyAttribute(sdp.AttrKeyEndOfCandidates))
	}
}

// transportOf reads the transport of a normalised description.
func transportOf(desc *sdp.SessionDescription) *Transport {
	if len(desc.MediaDescriptions) == 0 {
		return nil
	}
	first := desc.MediaDescriptions[0].Attributes
	t := &Transport{
		Fingerprints: append(values(desc.Attributes, attrFingerprint), values(first, attrFingerprint)...),
		Lite:         has(desc.Attributes, sdp.AttrKeyICELite),
	}
	for _, setup := range values(first, sdp.AttrKeyConnectionSetup) {
		t.Active = setup == sdp.ConnectionRoleActive.String()
	}
	seen := make(map[string]bool) // most sections repeat those of the first
	for _, md := range desc.MediaDescriptions {
		for _, value := range values(md.Attributes, sdp.AttrKeyCandidate) {
			if !seen[value] {
				t.Candidates = append(t.Candidates, value)
			}
			seen[value] = true
		}
	}

	return t
}

// findCarrier returns the section that describes the transport: the first of the
// bundle, or when that has no credentials (a data channel came first and took them),
// the first one that does.
func (d *draft) findCarrier() *section {
	tagged := d.live[0]
	for _, mid := range d.group {
		if s := find(d.live, mid); s != nil {
			tagged = s
			break
		}
	}
	if has(tagged.md.Attributes, attrICEUfrag) {
		return tagged
	}
	for _, s := range d.sections {
		if has(s.md.Attributes, attrICEUfrag) {
			return s
		}
	}

	return tagged
}

// readFingerprint picks the certificate hash to check, of those that a client may
// give several of: the newer algorithms before SHA-1, SHA-256 first of all. It
// returns "" when it knows none of the algorithms.
func (d *draft) readFingerprint() (string, error) {
	offered := values(d.carrier.md.Attributes, attrFingerprint)
	for _, s := range d.live {
		if s != d.carrier {
			offered = append(offered, values(s.md.Attributes, attrFingerprint)...)
		}
	}
	if len(offered) == 0 {
		return "", fmt.Errorf("%w: it has no a=fingerprint, so the connection cannot be encrypted", ErrMalformed)
	}
	algorithms := []string{"sha-256", "sha-384", "sha-512", "sha-224", "sha-1"}
	best, picked := len(algorithms), ""
	for _, value := range offered {
		f := strings.Fields(value)
		if len(f) != 2 || !isHexPairs(f[1]) {
			return "", fmt.Errorf("%w: a=fingerprint:%s is not an algorithm and a hash", ErrMalformed, clip(value))
		}
		rank := slices.IndexFunc(algorithms, func(a string) bool { return strings.EqualFold(f[0], a) })
		if rank >= 0 && rank < best {
			best, picked = rank, algorithms[rank]+" "+f[1]
		}
	}

	return picked, nil
}

// maxHash is the length of a SHA-512 in hexadecimal pairs with colons.
const maxHash = 64*3 - 1

func isHexPairs(s string) bool {
	if len(s) > maxHash {
		return false
	}
	for pair := range strings.SplitSeq(s, ":") {
		if len(pair) != 2 || strings.Trim(pair, "0123456789abcdefABCDEF") != "" {
			return false
		}
	}

	return true
}

// dtlsSetup reads the offered DTLS role. FFmpeg is passive, and then the server
// must be the one that starts.
func dtlsSetup(carrier *section) (string, error) {
	setup, ok := lookup(carrier.md.Attributes, sdp.AttrKeyConnectionSetup)
	switch {
	case !ok:
		return sdp.ConnectionRoleActpass.String(), nil
	case slices.Contains([]string{"actpass", "active", "passive"}, setup):
		return setup, nil
	default:
		return "", fmt.Errorf("%w: a=setup:%s is not usable; offer actpass", ErrUnusable, clip(setup))
	}
}

// checkMux wants RTP and RTCP on one port. A bundle-only section need not repeat
// what the one that carries the transport says (RFC 9143 section 7.1.2).
func (s *section) checkMux(carrier bool) error {
	if has(s.md.Attributes, sdp.AttrKeyRTCPMux) || !carrier && has(s.md.Attributes, attrBundleOnly) {
		return nil
	}

	return fmt.Errorf("%w: %s has no a=rtcp-mux; RTP and RTCP share one port here, so set the RTCP mux policy to require",
		ErrUnusable, s.where())
}

// iceOptions moves the options of all sections to the session. One client
// separates them with a comma.
func (d *draft) iceOptions() {
	offered := values(d.desc.Attributes, sdp.AttrKeyICEOptions)
	for _, s := range d.sections {
		offered = append(offered, values(s.md.Attributes, sdp.AttrKeyICEOptions)...)
		s.md.Attributes = without(s.md.Attributes, sdp.AttrKeyICEOptions)
	}
	for _, option := range strings.FieldsFunc(strings.Join(offered, " "), isListSeparator) {
		if !slices.Contains(d.offer.IceOptions, option) {
			d.offer.IceOptions = append(d.offer.IceOptions, option)
		}
	}
	if len(d.offer.IceOptions) == 0 {
		d.desc.Attributes = without(d.desc.Attributes, sdp.AttrKeyICEOptions)
		return
	}
	d.desc.Attributes = set(d.desc.Attributes, sdp.AttrKeyICEOptions, strings.Join(d.offer.IceOptions, " "))
}

func isListSeparator(r rune) bool { return r == ' ' || r == '\t' || r == ',' }
