package negotiate

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// describeMedia reads what the sections offer to send or receive. Of SSRCs little is of
// interest: what a publisher sends with, its packets tell.
func (d *draft) describeMedia() error {
	for _, s := range d.live {
		s.readExtensions(d.role)
		if d.role == Publish && !s.Inactive {
			s.readLayers()
			s.readSources()
			s.readOtherLayers()
		} else { // nothing is sent here, whatever the offer said of it
			s.md.Attributes = without(s.md.Attributes, attrRID, attrSimulcast)
		}
		s.md.Attributes = without(s.md.Attributes, sdp.AttrKeyMsid, sdp.AttrKeySSRC, sdp.AttrKeySSRCGroup)
	}

	return nil
}

// readFormats reads the payload types of all sections that carry RTP; what else
// there may be in an m= line is not for us to judge here.
func (d *draft) readFormats() error {
	for _, s := range d.live {
		if !isSecureRTP(s.protos) {
			continue
		}
		if err := s.readFormats(); err != nil {
			return err
		}
	}

	return nil
}

// readFormats fills Codecs and leaves only the payload types that are described:
// pion fails the whole offer over one that is not.
func (s *section) readFormats() error {
	formats := repairable(parseFormats(s.Kind, s.md.MediaName.Formats, s.md.Attributes))
	if len(formats) == 0 {
		return fmt.Errorf("%w: %s describes none of its payload types with a=rtpmap", ErrMalformed, s.where())
	}
	s.Codecs = codecs(formats)

	described := make(map[string]bool)
	s.md.MediaName.Formats = nil
	for _, f := range formats {
		pt := strconv.Itoa(int(f.PayloadType))
		described[pt] = true
		s.md.MediaName.Formats = append(s.md.MediaName.Formats, pt)
	}
	told := make(map[string]bool) // of a=rtcp-fb
	kept := keep(s.md.Attributes, func(a sdp.Attribute) bool {
		pt, _, _ := strings.Cut(strings.TrimSpace(a.Value), " ")
		switch a.Key {
		case attrRtpmap, attrFmtp:
			return described[pt]
		case attrRTCPFb:
			_, value, known := parseFeedback(a.Value)
			line := pt + " " + value
			first := !told[line]
			told[line] = true
			return known && first && (described[pt] || pt == "*")
		}

		return true
	})
	for i, a := range kept {
		if a.Key == attrRtpmap {
			kept[i].Value = strings.Join(strings.Fields(a.Value), " ")
		}
	}
	s.md.Attributes = kept

	return nil
}

// readExtensions fills Extensions and leaves only those that pion can read and
// that apply to the direction in which the media flows (RFC 8285 section 6).
func (s *section) readExtensions(role Role) {
	ids, uris := make(map[uint8]bool), make(map[string]bool)
	s.md.Attributes = keep(s.md.Attributes, func(a sdp.Attribute) bool {
		if a.Key != sdp.AttrKeyExtMap {
			return true
		}
		ext, direction, ok := parseExtension(a.Value)
		if !ok || direction != "" && direction != dirSendRecv && direction != role.direction() {
			return false
		}
		if ids[ext.ID] || uris[ext.URI] {
			return false
		}
		ids[ext.ID], uris[ext.URI] = true, true
		s.Extensions = append(s.Extensions, ext)
		if direction == role.direction() {
			s.oneWay = append(s.oneWay, ext.ID)
		}

		return true
	})
}

// parseExtension reads "<id>[/<direction>] <uri> [<attributes>]".
func parseExtension(value string) (ext Extension, direction string, ok bool) {
	const lastID = 246 // pion refuses an offer with a greater one
	f := strings.Fields(value)
	if len(f) < 2 {
		return Extension{}, "", false
	}
	number, direction, _ := strings.Cut(f[0], "/")
	id, err := strconv.ParseUint(number, 10, 8)
	if err != nil || id == 0 || id > lastID {
		return Extension{}, "", false
	}
	switch direction {
	case "", dirSendRecv, dirSendOnly, dirRecvOnly, dirInactive:
	default:
		return Extension{}, "", false
	}
	if _, err := url.Parse(f[1]); err != nil {
		return Extension{}, "", false
	}

	return Extension{ID: uint8(id), URI: f[1]}, direction, true
}

// maxSources bounds what is read of a=ssrc and a=ssrc-group lines.
const maxSources = 32

// readSources fills Sources.
func (s *section) readSources() {
	for _, line := range values(s.md.Attributes, sdp.AttrKeySSRC) {
		number, _, _ := strings.Cut(line, " ")
		ssrc, err := strconv.ParseUint(number, 10, 32)
		if err == nil && len(s.Sources) < maxSources && !slices.Contains(s.Sources, uint32(ssrc)) {
			s.Sources = append(s.Sources, uint32(ssrc))
		}
	}
}

// readOtherLayers fills OtherLayers: the sources of a SIM group but the first, and what
// repairs them, each told by its a=ssrc-group line.
func (s *section) readOtherLayers() {
	if len(s.RIDs) > 0 {
		return
	}
	groups := values(s.md.Attributes, sdp.AttrKeySSRCGroup)
	groups = groups[:min(len(groups), maxSources)]
	for _, group := range groups {
		if f := strings.Fields(group); len(f) > 2 && f[0] == "SIM" {
			s.addOtherLayers(f[2:])
		}
	}
	for _, group := range groups {
		if f := strings.Fields(group); len(f) == 3 && f[0] == "FID" {
			if repaired, err := strconv.ParseUint(f[1], 10, 32); err == nil && slices.Contains(s.OtherLayers, uint32(repaired)) {
				s.addOtherLayers(f[2:])
			}
		}
	}
}

func (s *section) addOtherLayers(sources []string) {
	for _, source := range sources {
		if ssrc, err := strconv.ParseUint(source, 10, 32); err == nil && len(s.OtherLayers) < maxSources {
			s.OtherLayers = append(s.OtherLayers, uint32(ssrc))
		}
	}
}

// maxLayers is how many simulcast layers are taken; browsers send three at most.
const maxLayers = 8

// readLayers fills RIDs. Layers that the client wants to receive (a sendrecv
// offer may list them) are taken out.
func (s *section) readLayers() {
	sendable := make(map[string]bool)
	for _, value := range values(s.md.Attributes, attrRID) {
		if f := strings.Fields(value); len(f) >= 2 && f[1] == "send" {
			sendable[f[0]] = true
		}
	}
	simulcast, _ := lookup(s.md.Attributes, attrSimulcast)
	for layer := range strings.SplitSeq(simulcastSend(simulcast), ";") {
		rid, _, _ := strings.Cut(layer, ",") // alternatives: the preferred one
		rid = strings.TrimPrefix(rid, "~")   // paused at first
		if sendable[rid] && !slices.Contains(s.RIDs, rid) && len(s.RIDs) < maxLayers {
			s.RIDs = append(s.RIDs, rid)
		}
	}
	if len(s.RIDs) == 0 {
		s.md.Attributes = without(s.md.Attributes, attrRID, attrSimulcast)
		return
	}
	kept := make(map[string]bool)
	attrs := keep(s.md.Attributes, func(a sdp.Attribute) bool {
		if a.Key != attrRID {
			return true
		}
		f := strings.Fields(a.Value)
		if len(f) < 2 || f[1] != "send" || !slices.Contains(s.RIDs, f[0]) || kept[f[0]] {
			return false
		}
		kept[f[0]] = true

		return true
	})
	s.md.Attributes = set(attrs, attrSimulcast, "send "+strings.Join(s.RIDs, ";"))
}

// simulcastSend returns the list after "send" of an a=simulcast value (RFC 8853).
func simulcastSend(value string) string {
	f := strings.Fields(value)
	if i := slices.Index(f, "send"); i >= 0 && i+1 < len(f) {
		return f[i+1]
	}

	return ""
}
