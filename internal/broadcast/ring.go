package broadcast

import (
	"math"
	"sync/atomic"
)

// packet is one RTP packet of a layer. It is immutable once it is in the ring,
// so any number of senders read it while the writer goes on.
type packet struct {
	payload   []byte
	seq       uint64 // publisher's sequence number without wrap-around and without holes for padding
	bytes     uint64 // payload bytes in the ring's order up to here, this packet included
	arrived   int64  // nanoseconds, as clock.now
	timestamp uint32
	epoch     uint32 // changes when the publisher's numbering jumps
	marker    bool   // last packet of a picture
	start     bool   // first packet of a picture
	passed    uint8  // value of the header extension that is passed on
	hasPassed bool
}

// ringSize bounds what a ring keeps.
type ringSize struct {
	packets int    // it never keeps more, but for a block
	recent  int    // it always keeps as many, unless they are more than bytes
	bytes   uint64 // of payload, but for a block; 0: no bound
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
// Between recent and packets it keeps what viewers can begin with: everything from
// the anchor on. Short groups of pictures so take no more memory than they need.
//
// Memory comes in blocks that are filled once and then left to the garbage
// collector when the last reader is done, so a reader that was overtaken still
// holds valid memory and the writer never has to ask. That is one allocation per
// 64 packets and one per 64 KiB of payload, however many viewers there are.
type ring struct {
	// Set by newRing, read-only afterwards.
	mask uint64 // number of blocks - 1
	size ringSize

	// Shared: stored by the writer, loaded by everybody.
	blocks []atomic.Pointer[block]
	head   atomic.Uint64 // positions below it are written
	tail   atomic.Uint64 // positions below it were let go

	// Owned by the writer.
	arena  []byte
	bytes  uint64 // of all payloads so far
	anchor uint64 // kept beyond recent
}

// newRing returns an empty ring.
func newRing(size ringSize) *ring {
	n := 2
	for n*blockPackets < size.packets+blockPackets { // the block being filled does not count
		n *= 2
	}
	return &ring{mask: uint64(n - 1), size: size, blocks: make([]atomic.Pointer[block], n), anchor: math.MaxUint64}
}

// append copies the payload and adds the packet. It is the writer's.
func (r *ring) append(p packet, payload []byte) {
	pos := r.head.Load()
	slot := &r.blocks[pos/blockPackets&r.mask]
	b := slot.Load()
	if pos%blockPackets == 0 {
		r.trim(pos)
		b = &block{base: pos}
	}
	r.bytes += uint64(len(payload))
	p.bytes = r.bytes
	p.payload = r.keep(payload)
	b.packets[pos%blockPackets] = p
	if pos%blockPackets == 0 {
		slot.Store(b)
	}
	r.head.Store(pos + 1)
}

// trim lets blocks go before the one at pos begins.
func (r *ring) trim(pos uint64) {
	for tail := r.tail.Load(); tail < pos; tail += blockPackets {
		slot := &r.blocks[tail/blockPackets&r.mask]
		end := tail + blockPackets
		spare := pos-end >= uint64(r.size.recent) && end <= r.anchor
		full := pos-end >= uint64(r.size.packets) ||
			r.size.bytes > 0 && r.bytes-slot.Load().packets[blockPackets-1].bytes >= r.size.bytes
		if !spare && !full {
			return
		}
		slot.Store(nil)
		r.tail.Store(end)
	}
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
func (r *ring) oldest() uint64 { return r.tail.Load() }

// since returns how many bytes of payload came from a position on, and whether it
// is still there.
func (r *ring) since(pos uint64) (bytes uint64, ok bool) {
	first, newest := r.at(pos), r.at(r.head.Load()-1)
	if first == nil || newest == nil {
		return 0, false
	}
	return newest.bytes - first.bytes + uint64(len(first.payload)), true
}
