package broadcast

import "sync/atomic"

// packet is one RTP packet of a layer. It is immutable once it is in the ring,
// so any number of senders read it while the writer goes on.
type packet struct {
	payload   []byte
	seq       uint64 // publisher's sequence number without wrap-around and without holes for padding
	bytes     uint64 // payload bytes of the layer up to here, this packet included
	arrived   int64  // nanoseconds, as clock.now
	timestamp uint32
	epoch     uint32 // changes when the publisher's numbering jumps
	marker    bool   // last packet of a picture
	start     bool   // first packet of a picture
	passed    uint8  // value of the header extension that is passed on
	hasPassed bool
}

const (
	blockPackets = 64       // packets in a block; a power of two
	arenaBytes   = 64 << 10 // payloads are cut from pieces of this size
)

type block struct {
	base    uint64 // position of packets[0]
	packets [blockPackets]packet
}

// ring keeps the newest packets of a layer, by position: 0 for the first ever
// written, and so on. One writer appends and never waits; readers take no lock.
//
// Memory comes in blocks that are filled once and then left to the garbage
// collector when the last reader is done, so a reader that was overtaken still
// holds valid memory and the writer never has to ask. That is one allocation per
// 64 packets and one per 64 KiB of payload, however many viewers there are.
type ring struct {
	// Set by newRing, read-only afterwards.
	mask uint64 // number of blocks - 1

	// Shared: stored by the writer, loaded by everybody.
	blocks []atomic.Pointer[block]
	head   atomic.Uint64 // positions below it are written

	// Owned by the writer.
	arena []byte
}

// newRing returns a ring for at least the given number of packets.
func newRing(packets int) *ring {
	n := 2
	for n*blockPackets < packets+blockPackets { // the block being filled does not count
		n *= 2
	}
	return &ring{mask: uint64(n - 1), blocks: make([]atomic.Pointer[block], n)}
}

// append copies the payload and adds the packet. It is the writer's.
func (r *ring) append(p packet, payload []byte) {
	pos := r.head.Load()
	slot := &r.blocks[pos/blockPackets&r.mask]
	b := slot.Load()
	if pos%blockPackets == 0 {
		b = &block{base: pos}
	}
	p.payload = r.keep(payload)
	b.packets[pos%blockPackets] = p
	if pos%blockPackets == 0 {
		slot.Store(b)
	}
	r.head.Store(pos + 1)
}

// keep copies the payload into the arena.
func (r *ring) keep(payload []byte) []byte {
	n := len(payload)
	if n > len(r.arena) {
		if n > arenaBytes/4 {
			return append([]byte(nil), payload...)
		}
		r.arena = make([]byte, arenaBytes)
	}
	kept := r.arena[:n:n]
	r.arena = r.arena[n:]
	copy(kept, payload)
	return kept
}

// at returns the packet at a position, or nil when it is not written yet or was
// overwritten. The packet stays valid for as long as the caller keeps it.
func (r *ring) at(pos uint64) *packet {
	if pos >= r.head.Load() {
		return nil
	}
	b := r.blocks[pos/blockPackets&r.mask].Load()
	if b == nil || b.base != pos&^(blockPackets-1) {
		return nil
	}
	return &b.packets[pos%blockPackets]
}

// oldest returns the lowest position that is still there.
func (r *ring) oldest() uint64 {
	head := r.head.Load()
	if head == 0 {
		return 0
	}
	newest := (head - 1) &^ (blockPackets - 1)
	if span := r.mask * blockPackets; newest > span {
		return newest - span
	}
	return 0
}
