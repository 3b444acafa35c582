package broadcast

import (
	"time"

	"porthole/internal/broadcast/ring"
)

// Players keep pictures for a while so that those that come late do not stand out. The header
// extension playout-delay tells them how long: 0 to 0 has each picture shown when it is decoded,
// which is the default. A smooth stream leaves room for networks that deliver unevenly.
const (
	smoothLeast = 100 * time.Millisecond
	smoothMost  = 400 * time.Millisecond
)

// delayPackets is how many packets carry the playout delay, besides those of all keyframes. A
// player takes it from the first packet of a picture and keeps it, so these are the first
// pictures, and one more each time that it begins anew. Chromium sends it likewise: with each
// keyframe, and else until a picture has it that will surely arrive.
const delayPackets = 50

// playoutDelay is the value of the extension: two numbers of 12 bits, in units of 10 ms.
func playoutDelay(smooth bool) (value [3]byte) {
	if !smooth {
		return value
	}
	const unit = 10 * time.Millisecond
	least, most := uint32(smoothLeast/unit), uint32(smoothMost/unit)
	return [3]byte{byte(least >> 4), byte(least<<4 | most>>8), byte(most)}
}

// tellsDelay says whether a packet, the one at the cursor, is of a picture that carries the playout
// delay. All packets of one do, or none: they have to be of one size.
func (t *track) tellsDelay(p *ring.Packet) bool {
	if p.Start {
		t.delayed = t.packets < delayPackets || t.layer.keyframe.Load() == t.at+1
	}
	return t.delayed
}
