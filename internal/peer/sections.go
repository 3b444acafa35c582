package peer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"porthole/internal/negotiate"
)

// absCaptureTimeURI names the header extension that tells when a picture was
// taken: http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time.
const absCaptureTimeURI = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"

// playoutDelayURI names the header extension that tells for how long a player keeps a picture:
// http://www.webrtc.org/experiments/rtp-hdrext/playout-delay.
const playoutDelayURI = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"

// passedURI names the header extension of a kind whose value goes from publishers
// to viewers: the level of sound (RFC 6464). For video there is none, by intention:
// a publisher that may send its orientation (urn:3gpp:video-orientation) sends the
// pictures as the camera gave them, which viewers without that extension, such as
// Firefox, would show lying on their side. One that may not turns them itself, for
// everybody (RFC 7742 4).
func passedURI(kind string) string {
	if kind == "audio" {
		return sdp.AudioLevelURI
	}
	return ""
}

// extensionID returns the id under which an extension was accepted, zero otherwise.
func (s section) extensionID(uri string) uint8 {
	for _, x := range s.extensions {
		if x.URI == uri {
			return x.ID
		}
	}
	return 0
}

// section is what we make of one section of an offer.
type section struct {
	mid, kind  string
	codec      negotiate.Format      // Feedback and RTX reduced to what is accepted
	others     []negotiate.Format    // that a publisher may send instead, likewise
	extensions []negotiate.Extension // those that are accepted
	rids       []string              // layers of simulcast that a publisher sends
	sources    []uint32              // SSRCs that a publisher announced
	unwanted   []uint32              // those of layers that are not told by a RID
	// idle sections have no track: they are answered inactive, not rejected,
	// because Chromium refuses an answer that rejects the section which carries
	// the transport of a max-bundle offer ("Failed to setup RTCP mux").
	idle bool
	outgoing
}

// outgoing is how a section of a viewer is announced: its SSRCs, the stream that
// all tracks share, and the name under which both report (RFC 3550 6.5.1).
type outgoing struct {
	ssrc, rtxSSRC   uint32
	streamID, cname string
}

// planSections decides about the sections of an offer: the chosen ones are
// accepted, the others of a viewer, and what is offered inactive, stay idle. What is
// not in the plan is rejected.
func planSections(offer *negotiate.Offer, codecs map[string][]negotiate.Format) ([]section, error) {
	var sections []section
	accepted := 0
	for _, media := range offer.Media {
		chosen := codecs[media.Mid]
		switch {
		case media.Rejected:
		case len(chosen) > 0:
			accepted++
			sections = append(sections, acceptedSection(offer.Role, media, chosen))
		case (media.Inactive || offer.Role == negotiate.Watch) && len(media.Codecs) > 0:
			codec := media.Codecs[0]
			codec.Feedback, codec.RTX = nil, 0
			sections = append(sections, section{mid: media.Mid, kind: media.Kind, codec: codec, idle: true})
		}
	}
	if accepted == 0 || accepted < len(codecs) {
		return nil, fmt.Errorf("%w: %d of %d chosen sections can be accepted", negotiate.ErrUnusable, accepted, len(codecs))
	}
	return sections, nil
}

// oneEach makes the choice of one codec for each section that of a list of one.
func oneEach(codecs map[string]negotiate.Format) map[string][]negotiate.Format {
	lists := make(map[string][]negotiate.Format, len(codecs))
	for mid, codec := range codecs {
		lists[mid] = []negotiate.Format{codec}
	}
	return lists
}

func acceptedSection(role negotiate.Role, media negotiate.Media, codecs []negotiate.Format) section {
	understood := []string{"nack", "nack pli", "ccm fir"}
	uris := []string{passedURI(media.Kind)} // "" is no extension's name
	if role == negotiate.Watch {
		understood = append(understood, "ccm tmmbr")
		uris = append(uris, sdp.SDESMidURI, absCaptureTimeURI)
		if media.Kind == "video" {
			uris = append(uris, playoutDelayURI)
		}
	} else if len(media.RIDs) > 0 {
		uris = append(uris, sdp.SDESMidURI, sdp.SDESRTPStreamIDURI, sdp.SDESRepairRTPStreamIDURI)
	}
	switch {
	case transportCC(role, media, codecs):
		understood = append(understood, webrtc.TypeRTCPFBTransportCC)
		uris = append(uris, sdp.TransportCCURI)
	case role == negotiate.Watch: // to publishers we would never send it
		understood = append(understood, webrtc.TypeRTCPFBGoogREMB)
	}
	retransmits := media.Kind == "video" // nobody retransmits audio in a stream of its own
	codecs = slices.Clone(codecs)
	for i := range codecs {
		codecs[i].Feedback = keep(codecs[i].Feedback, func(f string) bool { return slices.Contains(understood, f) })
		if !retransmits {
			codecs[i].RTX = 0
		}
	}
	return section{
		mid: media.Mid, kind: media.Kind, codec: codecs[0], others: codecs[1:], rids: media.RIDs, sources: media.Sources, unwanted: media.OtherLayers,
		extensions: keep(media.Extensions, func(x negotiate.Extension) bool { return slices.Contains(uris, x.URI) }),
	}
}

// transportCC says whether a section offers what transport-wide feedback takes. Numbers that
// a viewer would not report on are not worth their bytes; a publisher that numbers its packets
// gets reports, whether or not it says that it reads them.
func transportCC(role negotiate.Role, media negotiate.Media, codecs []negotiate.Format) bool {
	reports := func(c negotiate.Format) bool { return slices.Contains(c.Feedback, webrtc.TypeRTCPFBTransportCC) }
	return slices.ContainsFunc(media.Extensions, func(x negotiate.Extension) bool { return x.URI == sdp.TransportCCURI }) &&
		(role == negotiate.Publish || slices.ContainsFunc(codecs, reports))
}

// keep returns the elements that want accepts, in a slice of its own.
func keep[T any](from []T, want func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(from), func(x T) bool { return !want(x) })
}

// accepted returns all codecs of the section, the preferred one first.
func (s section) accepted() []negotiate.Format {
	return append([]negotiate.Format{s.codec}, s.others...)
}

// codecs returns the payload types of a section, those of retransmissions included.
func (s section) codecs() []webrtc.RTPCodecParameters {
	var codecs []webrtc.RTPCodecParameters
	for _, c := range s.accepted() {
		var feedback []webrtc.RTCPFeedback
		for _, f := range c.Feedback {
			kind, parameter, _ := strings.Cut(f, " ")
			feedback = append(feedback, webrtc.RTCPFeedback{Type: kind, Parameter: parameter})
		}
		codecs = append(codecs, webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: c.MimeType, ClockRate: c.ClockRate, Channels: c.Channels,
				SDPFmtpLine: c.Fmtp, RTCPFeedback: feedback,
			},
			PayloadType: webrtc.PayloadType(c.PayloadType),
		})
		if c.RTX == 0 {
			continue
		}
		codecs = append(codecs, webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeRTX, ClockRate: c.ClockRate, SDPFmtpLine: fmt.Sprintf("apt=%d", c.PayloadType),
			},
			PayloadType: webrtc.PayloadType(c.RTX),
		})
	}
	return codecs
}

// narrow rewrites the codec lines of a section.
func (s section) narrow(media *sdp.MediaDescription) {
	drop := []string{"rtpmap", "fmtp", "rtcp-fb", sdp.AttrKeyExtMap}
	if s.idle {
		drop = append(drop, sdp.AttrKeyRecvOnly, sdp.AttrKeySendOnly, sdp.AttrKeyInactive)
	}
	media.Attributes = keep(media.Attributes, func(a sdp.Attribute) bool { return !slices.Contains(drop, a.Key) })
	if s.idle {
		media.WithPropertyAttribute(sdp.AttrKeyInactive)
	}
	media.MediaName.Formats = nil
	for _, codec := range s.codecs() {
		payloadType := uint8(codec.PayloadType)
		_, name, _ := strings.Cut(codec.MimeType, "/")
		media.WithCodec(payloadType, name, codec.ClockRate, codec.Channels, codec.SDPFmtpLine)
		for _, f := range codec.RTCPFeedback {
			media.WithValueAttribute("rtcp-fb", strings.TrimSpace(fmt.Sprintf("%d %s %s", payloadType, f.Type, f.Parameter)))
		}
	}
	for _, x := range s.extensions {
		media.WithValueAttribute(sdp.AttrKeyExtMap, strconv.Itoa(int(x.ID))+" "+x.URI)
	}
}
