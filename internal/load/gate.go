package load

import (
	"github.com/pion/rtp"

	"porthole/internal/codec"
)

// gate looks through the decrypted packets of a track for its first picture
// that stands alone and has come whole: from the packet that begins it to the
// one with the marker bit, none missing. Packets may come in any order after
// the first one.
type gate struct {
	codec codec.Codec

	open      bool // a keyframe has begun
	timestamp uint32
	begin     uint16
	end       uint16
	ended     bool // end is known
	packets   int
}

// pass takes the next packet and says whether the first keyframe is whole now.
// Audio is whole with its first packet.
func (g *gate) pass(p *rtp.Packet) bool {
	if g.codec.Kind() == codec.Audio {
		return true
	}
	if !g.open || g.timestamp != p.Timestamp {
		if g.open && int32(p.Timestamp-g.timestamp) < 0 {
			return false // a late packet of an older picture
		}
		*g = gate{codec: g.codec}
		if len(p.Payload) == 0 || !codec.IsKeyframe(g.codec, p.Payload) {
			return false
		}
		g.open, g.timestamp, g.begin = true, p.Timestamp, p.SequenceNumber
	}
	if int16(p.SequenceNumber-g.begin) < 0 {
		return false // parameter sets that came before the picture
	}
	g.packets++
	if p.Marker {
		g.end, g.ended = p.SequenceNumber, true
	}
	return g.ended && g.packets == int(g.end-g.begin)+1
}
