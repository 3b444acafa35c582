package negotiate

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// describeMedia reads what the sections offer to send or receive, and takes out
// of them what pion would stumble over.
func (d *draft) describeMedia() error {
	for _, s := range d.live {
		s.readExtensions(d.role)
		if d.role == Publish && !s.Inactive {
			s.StreamID = s.streamID()
			s.readSource()
			s.readLayers()
			continue
		}
		// Nothing is sent here, whatever the offer said of it.
		s.md.Attributes = without(s.md.Attributes,
			sdp.AttrKeyMsid, sdp.AttrKeySSRC, sdp.AttrKeySSRCGroup, attrRID, attrSimulcast)
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

// streamID returns the MediaStream that a publisher put the section into. Audio and
// video may be of two, although RFC 9725 section 4.4.2 wants one: there are clients
// that make one of each track, and viewers get both in one all the same.
func (s *section) streamID() string {
	if ids := streamIDs(s.md.Attributes); len(ids) > 0 {
		return ids[len(ids)-1]
	}

	return ""
}

// streamIDs returns the stream ids of a section, from a=msid and from the older
// a=ssrc msid. A "-" means no stream.
func streamIDs(attrs []sdp.Attribute) []string {
	var ids []string
	for _, msid := range msids(attrs) {
		if id, _, _ := strings.Cut(msid, " "); id != "" && id != "-" {
			ids = append(ids, id)
		}
	}

	return ids
}

func msids(attrs []sdp.Attribute) []string {
	found := values(attrs, sdp.AttrKeyMsid)
	for _, value := range values(attrs, sdp.AttrKeySSRC) {
		_, rest, _ := strings.Cut(value, " ")
		if msid, ok := strings.CutPrefix(rest, "msid:"); ok {
			found = append(found, strings.TrimSpace(msid))
		}
	}

	return found
}

// readSource notes whether the SSRC is known, and gives pion a whole a=msid,
// without which it does not take simulcast, and the lines of one source only,
// because it takes two in one section for an outdated dialect (Plan B) and
// fails. Sources that are dropped here are those of simulcast without RIDs.
func (s *section) readSource() {
	track := s.Mid
	for _, msid := range msids(s.md.Attributes) {
		if f := strings.Fields(msid); len(f) == 2 {
			track = f[1]
			break
		}
	}
	stream := s.StreamID
	if stream == "" {
		stream = "-"
	}
	s.md.Attributes = set(s.md.Attributes, sdp.AttrKeyMsid, stream+" "+track)

	groups := values(s.md.Attributes, sdp.AttrKeySSRCGroup)
	primary, ok := primarySSRC(groups, values(s.md.Attributes, sdp.AttrKeySSRC))
	s.HasSSRC = ok
	repairs := repairSSRCs(groups)
	s.md.Attributes = keep(s.md.Attributes, func(a sdp.Attribute) bool {
		switch a.Key {
		case sdp.AttrKeySSRC:
			ssrc, valid := parseSSRC(a.Value)
			repaired, isRepair := repairs[ssrc]
			return ok && valid && (ssrc == primary || isRepair && repaired == primary)
		case sdp.AttrKeySSRCGroup:
			repaired, _, isRepair := repairGroup(a.Value)
			return ok && isRepair && repaired == primary
		}

		return true
	})
}

// primarySSRC returns the source that carries the media: the first layer of a
// SIM group, or the first source that does not repair another.
func primarySSRC(groups, lines []string) (uint32, bool) {
	repairs := repairSSRCs(groups)
	for _, group := range groups {
		if f := strings.Fields(group); len(f) > 1 && f[0] == "SIM" {
			if ssrc, ok := parseSSRC(f[1]); ok {
				return ssrc, true
			}
		}
	}
	for _, line := range lines {
		if ssrc, ok := parseSSRC(line); ok {
			if _, isRepair := repairs[ssrc]; !isRepair {
				return ssrc, true
			}
		}
	}

	return 0, false
}

// repairSSRCs maps the sources of retransmissions and FEC to what they repair.
func repairSSRCs(groups []string) map[uint32]uint32 {
	repairs := make(map[uint32]uint32)
	for _, group := range groups {
		if repaired, repair, ok := repairGroup(group); ok {
			repairs[repair] = repaired
		}
	}

	return repairs
}

// repairGroup reads "FID <source> <repair>" and "FEC-FR <source> <repair>".
func repairGroup(value string) (repaired, repair uint32, ok bool) {
	f := strings.Fields(value)
	if len(f) != 3 || f[0] != "FID" && f[0] != "FEC-FR" {
		return 0, 0, false
	}
	repaired, ok1 := parseSSRC(f[1])
	repair, ok2 := parseSSRC(f[2])

	return repaired, repair, ok1 && ok2 && repaired != repair
}

func parseSSRC(value string) (uint32, bool) {
	number, _, _ := strings.Cut(strings.TrimSpace(value), " ")
	ssrc, err := strconv.ParseUint(number, 10, 32)

	return uint32(ssrc), err == nil
}

// maxLayers is how many simulcast layers are taken; browsers send three at most.
const maxLayers = 8

// readLayers fills RIDs. Layers that the client wants to receive (a sendrecv
// offer may list them) are taken out, because pion does not tell them apart.
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
