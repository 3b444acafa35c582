package peer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"porthole/internal/negotiate"
	"porthole/internal/sessioninfo"
)

// payloadUse is what a payload type was agreed for.
type payloadUse struct {
	section *section
	codec   negotiate.Format
	repair  bool // retransmissions of the codec's packets (RFC 4588)
}

// payloadTypes are those of an answer. Sections of a bundle may not share one (RFC 8843
// section 9.1); where they do, announced SSRCs have to tell them apart.
type payloadTypes map[uint8][]payloadUse

func payloadTypesOf(sections []section) (payloadTypes, error) {
	types := make(payloadTypes)
	add := func(payloadType uint8, use payloadUse) { types[payloadType] = append(types[payloadType], use) }
	for i := range sections {
		s := &sections[i]
		if s.idle {
			continue
		}
		for _, codec := range s.accepted() {
			add(codec.PayloadType, payloadUse{section: s, codec: codec})
			if codec.RTX != 0 {
				add(codec.RTX, payloadUse{section: s, codec: codec, repair: true})
			}
		}
	}
	for payloadType, uses := range types {
		for _, use := range uses {
			if len(uses) > 1 && len(use.section.sources) == 0 {
				return nil, fmt.Errorf("%w: payload type %d means two things, and no a=ssrc of section %q says which; "+
					"give each section payload types of its own", negotiate.ErrUnusable, payloadType, use.section.mid)
			}
		}
	}
	return types, nil
}

// of returns what a packet is.
func (p payloadTypes) of(payloadType uint8, ssrc uint32) (payloadUse, bool) {
	uses := p[payloadType]
	for _, use := range uses {
		if len(uses) == 1 || slices.Contains(use.section.sources, ssrc) {
			return use, true
		}
	}
	return payloadUse{}, false
}

// unexpectedTypes counts packets by payload type, and remembers which sections get what was agreed.
type unexpectedTypes struct {
	packets [128]atomic.Uint64
	latest  atomic.Int64 // when the newest one came
	good    [maxGood]atomic.Int64
}

// maxGood is how many sections are told apart: a publisher has one of each kind.
const maxGood = 2

// starves is after which time without packets that can be used a track counts as one that
// gets none.
const starves = 2 * time.Second

func goodIndex(s *section) int {
	if s.kind == "audio" {
		return 1
	}
	return 0
}

// noteGood notes that a section's track got a packet.
func (u *unexpectedTypes) noteGood(s *section, at time.Duration) {
	u.good[goodIndex(s)].Store(int64(at))
}

// notExpected counts a packet that is dropped for its payload type.
func (in *ingest) notExpected(payloadType uint8, now time.Time) {
	in.drop(dropPayloadType, 1)
	first := in.unexpected.latest.Swap(int64(now.Sub(in.epoch))) == 0
	in.unexpected.packets[payloadType&0x7f].Add(1)
	if first {
		in.session.engine.settings.log.Warn("the publisher sends a payload type that the answer did not agree on; such packets are dropped",
			"session", in.session.id, "payload_type", payloadType, "agreed", in.types.String())
	}
}

// String lists the payload types of media: "96 (H264), 111 (opus)".
func (p payloadTypes) String() string {
	var list []string
	for _, a := range p.agreed(func(*section) bool { return true }) {
		list = append(list, a.String())
	}
	return strings.Join(list, ", ")
}

// unexpectedPayload says what comes in vain, nil when nothing does.
func (in *ingest) unexpectedPayload() *sessioninfo.UnexpectedPayload {
	u := &in.unexpected
	latest := u.latest.Load()
	if latest == 0 {
		return nil
	}
	found := &sessioninfo.UnexpectedPayload{}
	for i := range u.packets {
		if n := u.packets[i].Load(); n > found.Packets {
			found.PayloadType, found.Packets = uint8(i), n //nolint:gosec // below 128
		}
	}
	found.Agreed = in.types.agreed(func(s *section) bool {
		good := u.good[goodIndex(s)].Load()
		return good == 0 || time.Duration(latest-good) > starves
	})
	if len(found.Agreed) == 0 {
		return nil
	}
	return found
}

// agreed returns the payload types of media of some sections, in order.
func (p payloadTypes) agreed(of func(*section) bool) []sessioninfo.AgreedPayload {
	var list []sessioninfo.AgreedPayload
	for payloadType, uses := range p {
		for _, use := range uses {
			if !use.repair && of(use.section) {
				_, name, _ := strings.Cut(use.codec.MimeType, "/")
				list = append(list, sessioninfo.AgreedPayload{PayloadType: payloadType, Codec: name})
			}
		}
	}
	slices.SortFunc(list, func(a, b sessioninfo.AgreedPayload) int {
		return cmp.Or(cmp.Compare(a.PayloadType, b.PayloadType), strings.Compare(a.Codec, b.Codec))
	})
	return list
}
