package negotiate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"porthole/internal/codec"
)

// Payload types of the server's own offers, those that browsers use, and the ids
// of header extensions in them.
const (
	counterAudio    = 111
	counterVideo    = 96
	counterVideoRTX = 97

	counterMID          = 1
	counterCaptureTime  = 2
	counterTransportCC  = 3
	counterPlayoutDelay = 4
)

// captureTimeURI names abs-capture-time, which tells when a picture was taken.
const captureTimeURI = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"

// playoutDelayURI names playout-delay, which tells for how long a player keeps a picture.
const playoutDelayURI = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"

// NewCounterOffer returns what the server offers to a viewer who asked for an offer
// in the place of an answer (WHEP, section "counter-offer"): one section for each
// codec that is sent, one of a kind at most. It has everything but the transport;
// FinishOffer adds that to the text.
func NewCounterOffer(sent []codec.Codec) (*Offer, error) {
	o := &Offer{Role: Watch, IceOptions: []string{"trickle", "ice2"}, setup: sdp.ConnectionRoleActpass.String()}
	for i, c := range sent {
		kind, err := kindOf(c.MimeType)
		if err != nil {
			return nil, err
		}
		format := Format{Codec: c, PayloadType: payloadTypeOf(c)}
		format.Fmtp = withoutFmtpParameter(c.Fmtp, "sprop-parameter-sets")
		if kind == kindVideo {
			format.RTX = counterVideoRTX
			format.Feedback = []string{"nack", "nack pli", "ccm fir", "ccm tmmbr"}
		}
		format.Feedback = append(format.Feedback, "transport-cc")
		extensions := []Extension{
			{ID: counterMID, URI: sdp.SDESMidURI}, {ID: counterCaptureTime, URI: captureTimeURI},
			{ID: counterTransportCC, URI: sdp.TransportCCURI},
		}
		if kind == kindVideo {
			extensions = append(extensions, Extension{ID: counterPlayoutDelay, URI: playoutDelayURI})
		}
		mid := strconv.Itoa(i)
		o.bundle = append(o.bundle, mid)
		o.Media = append(o.Media, Media{
			Mid: mid, Kind: kind, Codecs: []Format{format},
			Extensions: extensions,
			protos:     []string{"UDP", "TLS", "RTP", "SAVPF"},
			rtcpRsize:  true,
		})
	}
	if len(o.Media) == 0 {
		return nil, fmt.Errorf("%w: the stream sends nothing", ErrNoCommonCodec)
	}

	return o, nil
}

// kindOf returns the media type of a MIME type, "audio" or "video".
func kindOf(mime string) (string, error) {
	kind, _, _ := strings.Cut(mime, "/")
	if kind == kindAudio || kind == kindVideo {
		return kind, nil
	}

	return "", fmt.Errorf("offer %q: it is neither audio nor video", mime)
}

// payloadTypeOf returns the static payload type of a codec that has one (RFC 3551).
func payloadTypeOf(c codec.Codec) uint8 {
	for _, pt := range []uint8{0, 8, 9} {
		if static, ok := parseRtpmap(kindAudio, staticRtpmap(kindAudio, pt)); ok && c.Is(static.MimeType) {
			return pt
		}
	}
	if kind, err := kindOf(c.MimeType); err == nil && kind == kindAudio {
		return counterAudio
	}

	return counterVideo
}

// FinishOffer turns the description that was made of o, which it changes, into the
// offer that the client gets: with the server's candidates in the first section only,
// the best one first.
func (o *Offer) FinishOffer(desc *sdp.SessionDescription) (string, error) {
	f := &finisher{offer: o, desc: desc, answered: make(map[string]*sdp.MediaDescription), accepted: o.bundle}
	if err := f.index(); err != nil {
		return "", err
	}
	for _, md := range desc.MediaDescriptions {
		md.Attributes = without(md.Attributes, sdp.AttrKeyCandidate, sdp.AttrKeyEndOfCandidates)
	}
	if f.answered[o.bundle[0]] == nil {
		return "", fmt.Errorf("the offer lacks section %q", o.bundle[0])
	}
	f.session()

	return f.text()
}

// Answer is a viewer's answer to a counter-offer.
type Answer struct {
	// Ufrag and Pwd are the client's ICE credentials.
	Ufrag, Pwd string
	// Transport is the client's end of the connection, nil when it takes no section.
	Transport *Transport
	// Media are the sections that the client takes, as in the offer, less what it
	// did not agree to: retransmission, feedback, extensions.
	Media []Media
}

// ParseAnswer validates a viewer's answer to o, which NewCounterOffer made. Its
// errors wrap ErrMalformed, ErrUnusable or ErrNoCommonCodec.
func (o *Offer) ParseAnswer(body []byte) (*Answer, error) {
	// In all that matters it looks like an offer of the same viewer.
	parsed, err := ParseOffer(Watch, body)
	if err != nil {
		return nil, err
	}
	if parsed.setup != "active" && parsed.setup != "passive" {
		return nil, fmt.Errorf("%w: an answer says a=setup:active or passive", ErrMalformed)
	}
	if len(parsed.Media) != len(o.Media) {
		return nil, fmt.Errorf("%w: the answer has %d sections, and the offer %d",
			ErrMalformed, len(parsed.Media), len(o.Media))
	}
	a := &Answer{Ufrag: parsed.Ufrag, Pwd: parsed.Pwd, Transport: parsed.Transport}
	for i, answered := range parsed.Media {
		offered := o.Media[i]
		if answered.Kind != offered.Kind || answered.Mid != offered.Mid && !(answered.Rejected && answered.Mid == "") {
			return nil, fmt.Errorf("%w: section %d of the answer is not that of the offer", ErrMalformed, i+1)
		}
		if !answered.Flows() {
			continue
		}
		agreed, err := offered.agree(answered)
		if err != nil {
			return nil, err
		}
		a.Media = append(a.Media, agreed)
	}

	return a, nil
}

// agree returns the offered section less what the answer does not take.
func (m Media) agree(answered Media) (Media, error) {
	format := m.Codecs[0]
	i := slices.IndexFunc(answered.Codecs, func(c Format) bool {
		return c.PayloadType == format.PayloadType && c.Is(format.MimeType)
	})
	if i < 0 {
		return Media{}, fmt.Errorf("%w: the stream sends %s as payload type %d, and %s takes %s",
			ErrNoCommonCodec, format, format.PayloadType, answered.where(), answered.offered())
	}
	taken := answered.Codecs[i]
	if taken.RTX != format.RTX {
		format.RTX = 0
	}
	format.Feedback = slices.DeleteFunc(slices.Clone(format.Feedback), func(f string) bool {
		return !slices.Contains(taken.Feedback, f)
	})
	m.Codecs = []Format{format}
	m.Extensions = slices.DeleteFunc(slices.Clone(m.Extensions), func(x Extension) bool {
		return !slices.Contains(answered.Extensions, x)
	})

	return m, nil
}
