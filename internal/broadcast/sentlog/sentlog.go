// Package sentlog remembers under which numbers a viewer was sent a track's packets, so that they can be sent again for a
// NACK (RFC 4585 section 6.2.1). The packets themselves are in the ring of their encoding. It is pure: no clock, no locks, no
// memory but its own.
package sentlog

import (
	"encoding/binary"

	"porthole/internal/broadcast/number"
)

// Packets is how many packets of a track are remembered: more than a second of 8 Mbit/s.
const Packets = 1024

// Packet says what was sent under one number.
type Packet struct {
	Pos       uint64       // in the ring of the encoding that it came of
	Number    uint32       // its sequence number, the lower half of one without wrap-around
	Timestamp uint32       // as it was sent
	ResentAt  uint16       // when it was last sent again, in milliseconds, which wrap
	Shift     number.Shift // that its picture ids were sent with
	carried   uint8        // which extensions it had, and the bit valid
	Resent    uint8        // how often
}

const valid = 1 << 7 // of Packet.carried: the entry is one

// Carried returns the header extensions that the packet had, as Note was told.
func (p *Packet) Carried() int { return int(p.carried &^ valid) }

// Log is that of one track. The zero value remembers nothing.
type Log struct {
	packets []Packet
	// captures has the capture times that the packets carried, numbers their transport-wide numbers. Only who is
	// sent packets again under their own numbers, byte for byte, needs them; nil for others.
	captures []uint64
	numbers  []uint16
}

// New returns a log that keeps the capture times and transport-wide numbers of packets if it is told to.
func New(captures, numbers bool) Log {
	l := Log{packets: make([]Packet, Packets)}
	if captures {
		l.captures = make([]uint64, Packets)
	}
	if numbers {
		l.numbers = make([]uint16, Packets)
	}
	return l
}

// Keeps says whether the log remembers anything.
func (l *Log) Keeps() bool { return len(l.packets) > 0 }

// Note remembers the packet at position pos that was sent under a number, without wrap-around, with the extensions that
// carried says, below 1<<7, and with these values of them.
func (l *Log) Note(pos, n uint64, timestamp uint32, shift number.Shift, carried int, capture [8]byte, transport [2]byte) {
	if len(l.packets) == 0 {
		return
	}
	p := &l.packets[n%Packets]
	p.Pos, p.Number, p.Timestamp, p.Shift = pos, uint32(n), timestamp, shift //nolint:gosec // wraps
	p.carried, p.Resent = uint8(carried)|valid, 0                            //nolint:gosec // below 1<<7
	if l.captures != nil {
		l.captures[n%Packets] = binary.BigEndian.Uint64(capture[:])
	}
	if l.numbers != nil {
		l.numbers[n%Packets] = binary.BigEndian.Uint16(transport[:])
	}
}

// Capture returns the value of the capture time that a packet carried.
func (l *Log) Capture(p *Packet) (value [8]byte) {
	if l.captures != nil {
		binary.BigEndian.PutUint64(value[:], l.captures[p.Number%Packets])
	}
	return value
}

// Transport returns the transport-wide number that a packet carried; ok is false where they are not kept.
func (l *Log) Transport(p *Packet) (transport uint16, ok bool) {
	if l.numbers == nil {
		return 0, false
	}
	return l.numbers[p.Number%Packets], true
}

// Find returns the entry of a sequence number, or nil. newest is the highest number that was sent, without wrap-around.
func (l *Log) Find(seq uint16, newest uint64) *Packet {
	if len(l.packets) == 0 {
		return nil
	}
	n := Unwrapped(seq, newest)
	p := &l.packets[n%Packets]
	if p.carried&valid == 0 || p.Number != uint32(n) || newest-n >= Packets { //nolint:gosec // wraps
		return nil
	}
	return p
}

// Forget drops everything: the positions are of another encoding now.
func (l *Log) Forget() { clear(l.packets) }

// ForgetBefore drops what has a lower number.
func (l *Log) ForgetBefore(number uint64) {
	for i := range l.packets {
		if p := &l.packets[i]; int32(p.Number-uint32(number)) < 0 { //nolint:gosec // serial number arithmetic
			*p = Packet{}
		}
	}
}

// Unwrapped returns the number of a packet that is not newer than newest.
func Unwrapped(seq uint16, newest uint64) uint64 {
	return newest - uint64(uint16(newest)-seq) //nolint:gosec // sequence numbers wrap
}
