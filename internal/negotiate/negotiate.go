// Package negotiate reads the SDP that strangers post and checks the SDP that
// goes back to them. It is pure: text in, text out, no sockets and no clock.
//
//	body ─► ParseOffer ─► Offer ─► package peer ─► answer ─► FinishAnswer ─► wire
//	               └────► Offer.Media ─► Supported, Match: which payload type
//	PATCH ─► ParseFragment ─► candidates
//
// It owns three decisions. Which offers are usable at all, with an error that
// tells the person in front of OBS what to change. What the offer is in its normal
// form: directions, setup and transport stand in each section, whatever was inherited
// or left out, and nothing else that a stack like pion/webrtc would stumble over, so that
// its answer is one as RFC 9725 (WHIP) and the WHEP draft ask for. And what the answer
// has to look like on the wire.
//
// It does not choose codecs on its own (the caller does, with Supported
// and Match), does not gather candidates, and does not know HTTP: errors wrap
// ErrMalformed, ErrUnusable or ErrNoCommonCodec, and somebody else turns those
// into statuses.
package negotiate

import (
	"fmt"

	"porthole/internal/codec"
)

// Role says what the client that wrote an offer wants to do.
type Role uint8

const (
	// Publish is the role of a WHIP client: it sends, the server receives.
	Publish Role = iota + 1
	// Watch is the role of a WHEP client: it receives, the server sends.
	Watch
)

// String returns "publish" or "watch".
func (r Role) String() string {
	switch r {
	case Publish:
		return "publish"
	case Watch:
		return "watch"
	default:
		return "unknown role"
	}
}

// direction is the direction that an offer of the role has once normalised.
func (r Role) direction() string {
	if r == Watch {
		return dirRecvOnly
	}

	return dirSendOnly
}

// answerDirection is what the server's answer says to direction.
func (r Role) answerDirection() string {
	if r == Watch {
		return dirSendOnly
	}

	return dirRecvOnly
}

// Offer is a validated offer.
type Offer struct {
	// Role is the role that the offer was parsed for.
	Role Role
	// SDP is the normalised offer, as another stack would have to get it. It holds
	// the sections that may be accepted and only those, so it can have fewer
	// sections than Media. Parsing it again gives the same text.
	SDP string
	// Media are the sections as they were offered, all of them, in order.
	Media []Media
	// IceOptions are the tokens of a=ice-options, such as "trickle" and "ice2".
	IceOptions []string
	// HasCandidates tells whether SDP holds at least one usable candidate. OBS
	// and FFmpeg send none: their addresses are learned from their checks.
	HasCandidates bool
	// Hidden are candidates that are no part of SDP because they have a name in the
	// place of an address (mDNS).
	Hidden []Hidden
	// Ufrag and Pwd are the client's ICE credentials, those of the bundle.
	Ufrag, Pwd string
	// Transport is the client's end of the connection, nil when no section may be accepted.
	Transport *Transport

	// bundle holds the mids of the usable sections in the order of the offered
	// BUNDLE group; the first one is the section that carries the transport.
	bundle []string
	// lipSync holds the mids of each offered LS group (RFC 5888 section 7).
	lipSync [][]string
	// allowMixed tells whether header extensions of both sizes may be mixed
	// (RFC 8285 section 6).
	allowMixed bool
	// setup is the offered DTLS role: actpass, active or passive.
	setup string
}

// Transport is what a client says about its end of the connection, which is the same in
// all sections (RFC 9143), apart from its ICE credentials.
type Transport struct {
	Fingerprints []string // of its certificates, values of a=fingerprint: "sha-256 AB:CD:…"
	Candidates   []string // values of a=candidate, each once
	Lite         bool     // it is an ICE lite agent (RFC 8445 section 2.5)
	// Active: it begins DTLS. One that offers actpass leaves the choice to us (RFC 8842
	// section 5.3).
	Active bool
}

// Media is one section ("m=" line) of an offer.
type Media struct {
	// Mid identifies the section; it may be empty only when Rejected.
	Mid string
	// Kind is "audio", "video", or "application" and the like when Rejected.
	Kind string
	// Rejected sections are answered with port 0: those which the client itself
	// offered with port 0 (unless bundle-only), and those that are not media.
	Rejected bool
	// Inactive sections are accepted and carry nothing, as the client wants it
	// (RFC 3264 section 6.1). They may well carry the transport.
	Inactive bool
	// Codecs are the offered codecs in the order of the offer, that is the order
	// of the client's preference. Formats that only accompany another one (rtx,
	// red, ulpfec, flexfec, comfort noise, telephone-event) are not among them.
	Codecs []Format
	// Extensions are the offered RTP header extensions that may be used in the
	// direction of the section.
	Extensions []Extension
	// RIDs are the simulcast layers that a publisher wants to send, in the order
	// of its a=simulcast line; empty without simulcast.
	RIDs []string
	// Sources are the SSRCs that a publisher announced, if any.
	Sources []uint32
	// OtherLayers are the SSRCs of simulcast without RIDs, those of its first layer aside:
	// that one is received.
	OtherLayers []uint32

	protos      []string // the transport of the m= line, echoed in the answer
	formats     []string // of the m= line as offered, echoed when it is no media
	oneWay      []uint8  // ids of the extensions that were offered for the section's direction only
	rtcpMuxOnly bool
	rtcpRsize   bool
}

// Flows tells whether media may flow in the section.
func (m Media) Flows() bool { return !m.Rejected && !m.Inactive }

// where names the section in an error text.
func (m Media) where() string {
	return fmt.Sprintf("m=%s (mid %q)", m.Kind, clip(m.Mid))
}

// Extension is an RTP header extension (RFC 8285) with the id it was offered with.
type Extension struct {
	ID  uint8
	URI string
}

// Format is one payload type of a section: a codec, spelt as pion spells it whatever the
// case in the offer, with its parameters as offered.
type Format struct {
	codec.Codec
	PayloadType uint8
	// Feedback are the values of a=rtcp-fb, such as "nack", "nack pli" and
	// "transport-cc"; those offered for all payload types ("*") included.
	Feedback []string
	// RTX is the payload type that retransmits this one (RFC 4588), 0 for none.
	RTX uint8
}
