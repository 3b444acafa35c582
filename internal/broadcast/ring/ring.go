// Package ring is the memory of an encoding: the newest packets, and those from the newest
// keyframe on. One writer appends, any number of readers read without a lock. It knows neither
// what is in a payload nor who reads it.
package ring

import (
	"math"
	"sync/atomic"
)

// Packet is one RTP packet of a layer, without what belongs to its publisher's connection. It is immutable once it is in the ring,
// so any number of senders read it while the writer goes on.
type Packet struct {
	Payload   []byte
	Seq       uint64 // publisher's sequence number without wrap-around and without holes for padding
	bytes     uint64 // payload bytes in the ring's order up to here, this packet included
	Arrived   int64  // nanoseconds, monotonic, of the clock that all layers share
	Timestamp uint32
	Epoch     uint32 // changes when the publisher's numbering jumps
	Marker    bool   // last packet of a picture
	Start     bool   // first packet of a picture
	Key       bool   // a keyframe begins in it
	Passed    uint8  // value of the header extension that is passed on
	HasPassed bool
	Temporal  uint8 // temporal layer of its picture, as its writer notes it
}

// Size bounds what a ring keeps.
type Size struct {
	Packets int    // it never keeps more, but for a block
	Recent  int    // it always keeps as many, unless they are more than Bytes
	Bytes   uint64 // of payload, but for a block; 0: no bound
	Age     int64  // it keeps what came within as many nanoseconds before the newest packet, within Packets and Bytes; 0: whatever Recent is
}

// BlockPackets is how many packets a ring takes memory for, and lets go, at once; a power of two.
const BlockPackets = 64

const arenaBytes = 64 << 10 // payloads are cut from pieces of this size

type block struct {
	base    uint64 // position of packets[0]
	packets [BlockPackets]Packet
}

// Ring keeps the newest packets of a layer, by position: 0 for the first ever
// written, and so on. One writer appends and never waits; readers take no lock.
// Between Size.Recent and Size.Packets it keeps what viewers can begin with: everything from
// the anchor (Keep) on. Short groups of pictures so take no more memory than they need.
//
// Memory comes in blocks that are filled once and then left to the garbage
// collector when the last reader is done, so a reader that was overtaken still
// holds valid memory and the writer never has to ask. That is one allocation per
// 64 packets and one per 64 KiB of payload, however many viewers there are.
type Ring struct {
	// Set by New, read-only afterwards.
	mask uint64 // number of blocks - 1
	size Size

	// Shared: stored by the writer, loaded by everybody.
	blocks []atomic.Pointer[block]
	head   atomic.Uint64 // positions below it are written
	tail   atomic.Uint64 // positions below it were let go

	// Owned by the writer.
	arena  []byte
	bytes  uint64 // of all payloads so far
	anchor uint64 // kept beyond size.Recent
}

// New returns an empty ring.
func New(size Size) *Ring {
	n := 2
	for n*BlockPackets < size.Packets+BlockPackets { // the block being filled does not count
		n *= 2
	}
	return &Ring{mask: uint64(n - 1), size: size, blocks: make([]atomic.Pointer[block], n), anchor: math.MaxUint64}
}

// Append copies the payload and adds the packet. It is the writer's.
func (r *Ring) Append(p Packet, payload []byte) {
	pos := r.head.Load()
	slot := &r.blocks[pos/BlockPackets&r.mask]
	b := slot.Load()
	if pos%BlockPackets == 0 {
		r.trim(pos, p.Arrived)
		b = &block{base: pos}
	}
	r.bytes += uint64(len(payload))
	p.bytes = r.bytes
	p.Payload = r.copied(payload)
	b.packets[pos%BlockPackets] = p
	if pos%BlockPackets == 0 {
		slot.Store(b)
	}
	r.head.Store(pos + 1)
}

// trim lets blocks go before the one at pos begins.
func (r *Ring) trim(pos uint64, now int64) {
	for tail := r.tail.Load(); tail < pos; tail += BlockPackets {
		slot := &r.blocks[tail/BlockPackets&r.mask]
		end := tail + BlockPackets
		newest := &slot.Load().packets[BlockPackets-1]
		spare := pos-end >= uint64(r.size.Recent) && end <= r.anchor && (r.size.Age == 0 || now-newest.Arrived > r.size.Age)
		full := pos-end >= uint64(r.size.Packets) ||
			r.size.Bytes > 0 && r.bytes-newest.bytes >= r.size.Bytes
		if !spare && !full {
			return
		}
		slot.Store(nil)
		r.tail.Store(end)
	}
}

// copied copies the payload into the arena.
func (r *Ring) copied(payload []byte) []byte {
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

// Head returns the position of the packet that comes next: all below are written. Any
// goroutine may call it.
func (r *Ring) Head() uint64 { return r.head.Load() }

// Keep makes a position the anchor: the packets from there on stay, within the bounds of
// packets and bytes. It is the writer's.
func (r *Ring) Keep(pos uint64) { r.anchor = pos }

// At returns the packet at a position, or nil when it is not written yet or was
// overwritten. The packet stays valid for as long as the caller keeps it.
func (r *Ring) At(pos uint64) *Packet {
	if pos >= r.head.Load() {
		return nil
	}
	b := r.blocks[pos/BlockPackets&r.mask].Load()
	if b == nil || b.base != pos&^(BlockPackets-1) {
		return nil
	}
	return &b.packets[pos%BlockPackets]
}

// Oldest returns the lowest position that is still there.
func (r *Ring) Oldest() uint64 { return r.tail.Load() }

// Since returns how many bytes of payload came from a position on, and whether it
// is still there.
func (r *Ring) Since(pos uint64) (bytes uint64, ok bool) {
	first, newest := r.At(pos), r.At(r.head.Load()-1)
	if first == nil || newest == nil {
		return 0, false
	}
	return newest.bytes - first.bytes + uint64(len(first.Payload)), true
}
