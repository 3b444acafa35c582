package negotiate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"
)

// Kinds of sections that carry media.
const (
	kindAudio = "audio"
	kindVideo = "video"
)

// section is a section of an offer while it is being looked at.
type section struct {
	Media
	md  *sdp.MediaDescription
	ice iceTransport
}

// draft is an offer while it is being looked at.
type draft struct {
	role     Role
	desc     *sdp.SessionDescription
	sections []*section
	live     []*section // those not rejected, in the order of the offer
	grouped  bool       // there is a BUNDLE group
	group    []string   // the mids in it
	carrier  *section   // describes the transport; nil when no section is live
	common   iceTransport
	offer    *Offer

	// fingerprint is the certificate hash to check, "" when its algorithm is not known.
	fingerprint string
}

// ParseOffer validates and normalises the offer that a client of the given role
// posted. Its errors wrap ErrMalformed or, when nothing at all is malformed,
// ErrUnusable. Codecs are not judged: that is what Supported and Match are for.
func ParseOffer(role Role, body []byte) (*Offer, error) {
	if err := checkBounds(body); err != nil {
		return nil, err
	}
	desc, err := parseDescription(body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	d := &draft{role: role, desc: desc, offer: &Offer{Role: role}}
	d.inheritSession()
	d.collectHidden()
	d.offer.allowMixed = has(desc.Attributes, sdp.AttrKeyExtMapAllowMixed)

	syntax := []func() error{d.identify, d.readFormats, d.readTransport}
	meaning := []func() error{
		d.checkTracks,
		d.checkBundle,
		d.checkDirections,
		d.checkTransport,
		d.describeMedia,
		d.finish,
	}
	for _, step := range slices.Concat(syntax, meaning) {
		if err := step(); err != nil {
			return nil, err
		}
	}

	return d.offer, nil
}

// inheritSession copies what may stand at session level down to the sections
// that do not have their own (RFC 8829 section 5.8). pion looks for some of it
// in sections only; older libdatachannel, and so OBS, wrote it at session level.
func (d *draft) inheritSession() {
	inherited := []string{attrICEUfrag, attrICEPwd, attrFingerprint, sdp.AttrKeyConnectionSetup}
	for _, md := range d.desc.MediaDescriptions {
		for _, key := range inherited {
			if !has(md.Attributes, key) {
				md.Attributes = append(md.Attributes, keep(d.desc.Attributes, named(key))...)
			}
		}
		if !slices.ContainsFunc(directions, func(key string) bool { return has(md.Attributes, key) }) {
			md.Attributes = append(md.Attributes, keep(d.desc.Attributes, named(directions...))...)
		}
		if !has(md.Attributes, sdp.AttrKeyExtMap) {
			md.Attributes = append(md.Attributes, keep(d.desc.Attributes, named(sdp.AttrKeyExtMap))...)
		}
	}
	// In one place only, or pion would prefer the session's over the section's.
	d.desc.Attributes = without(d.desc.Attributes, slices.Concat(inherited, directions, []string{sdp.AttrKeyExtMap})...)
}

func named(keys ...string) func(sdp.Attribute) bool {
	return func(a sdp.Attribute) bool { return slices.Contains(keys, a.Key) }
}

// identify finds out what each section is and which are rejected.
func (d *draft) identify() error {
	mids := make(map[string]bool)
	for i, md := range d.desc.MediaDescriptions {
		name := md.MediaName
		mid, _ := lookup(md.Attributes, sdp.AttrKeyMID)
		s := &section{md: md, Media: Media{
			Mid:         mid,
			Kind:        name.Media,
			protos:      name.Protos,
			formats:     name.Formats,
			rtcpMuxOnly: has(md.Attributes, attrRTCPMuxOnly),
			rtcpRsize:   has(md.Attributes, sdp.AttrKeyRTCPRsize),
		}}
		// Port 0 with bundle-only means "only inside the bundle", not "off" (RFC 9143).
		off := name.Port.Value == 0 && !has(md.Attributes, attrBundleOnly)
		s.Rejected = off || s.Kind != kindAudio && s.Kind != kindVideo
		s.Inactive = !s.Rejected && s.direction() == dirInactive
		if len(name.Formats) == 0 || strings.ContainsAny(mid, " \t") || mid == "" && !s.Rejected {
			return fmt.Errorf("%w: m=%s, section %d of the offer, needs a=mid and a list of formats",
				ErrMalformed, s.Kind, i+1)
		}
		if mid != "" && mids[mid] {
			return fmt.Errorf("%w: two sections have a=mid:%s", ErrMalformed, clip(mid))
		}
		mids[mid] = true
		d.sections = append(d.sections, s)
		if !s.Rejected {
			d.live = append(d.live, s)
		}
	}

	return nil
}

// directions are the attributes that say which way media flows.
var directions = []string{dirSendRecv, dirSendOnly, dirRecvOnly, dirInactive} //nolint:gochecknoglobals // a table

// direction returns the offered one (RFC 8866 section 6.7).
func (s *section) direction() string {
	if i := slices.IndexFunc(s.md.Attributes, named(directions...)); i >= 0 {
		return s.md.Attributes[i].Key
	}

	return dirSendRecv
}

// maxSections is how many sections of sound and pictures an offer may have, the
// inactive ones among them: each is answered at length.
const maxSections = 8

// checkTracks allows at most one audio and one video section in which media flows
// (RFC 9725 section 4.4.2), and wants at least one of them.
func (d *draft) checkTracks() error {
	if n := len(d.live); n > maxSections {
		return fmt.Errorf("%w: it has %d audio and video sections, and %d are enough", ErrUnusable, n, maxSections)
	}
	count := make(map[string]int)
	for _, s := range d.live {
		if !s.Inactive {
			count[s.Kind]++
		}
		if count[s.Kind] > 1 {
			return fmt.Errorf("%w: it has more than one %s section; a stream has at most one audio and one video track",
				ErrUnusable, s.Kind)
		}
		if !isSecureRTP(s.protos) {
			return fmt.Errorf("%w: %s has the transport %s; only RTP over DTLS (UDP/TLS/RTP/SAVPF) is spoken here",
				ErrUnusable, s.where(), strings.Join(s.protos, "/"))
		}
	}
	switch {
	case len(d.live) == 0:
		return fmt.Errorf("%w: it has no audio and no video section", ErrUnusable)
	case len(count) == 0:
		return fmt.Errorf("%w: all of its sections are inactive; make those of the stream %s", ErrUnusable, d.role.direction())
	}

	return nil
}

// isSecureRTP accepts the names that RFC 8829 section 5.1.2 lists for the same
// thing: with a fingerprint, all of them mean DTLS-SRTP.
func isSecureRTP(protos []string) bool {
	n := len(protos)

	return n >= 2 && protos[n-2] == "RTP" && slices.Contains([]string{"SAVPF", "SAVP", "AVPF", "AVP"}, protos[n-1])
}

// checkDirections refuses sections that flow the wrong way and gives the others
// the direction that makes pion's answer right: it answers sendrecv to sendrecv,
// and leaves a section without a direction out of its answer altogether.
func (d *draft) checkDirections() error {
	for _, s := range d.live {
		if s.Inactive {
			continue
		}
		offered := s.direction()
		if offered != dirSendRecv && offered != d.role.direction() {
			does := "sends to the server (WHIP)"
			if d.role == Watch {
				does = "receives from the server (WHEP)"
			}
			return fmt.Errorf("%w: %s is %s, but this client %s; make it %s",
				ErrUnusable, s.where(), offered, does, d.role.direction())
		}
		s.md.Attributes = replace(s.md.Attributes, sdp.NewPropertyAttribute(d.role.direction()), directions...)
	}

	return nil
}

// finish writes the normalised text. The candidates come last, for the reader.
func (d *draft) finish() error {
	d.desc.MediaDescriptions = nil
	for _, s := range d.live {
		s.writeCandidates()
		d.desc.MediaDescriptions = append(d.desc.MediaDescriptions, s.md)
	}
	for _, s := range d.sections {
		d.offer.Media = append(d.offer.Media, s.Media)
	}
	text, err := d.desc.Marshal()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	d.offer.SDP = string(text)
	d.offer.Transport = transportOf(d.desc)

	return nil
}
