// Package h264 cuts access units of H.264 into RTP payloads.
package h264

import (
	"slices"

	"github.com/pion/rtp"

	"porthole/internal/codec"
)

// MaxPayload is the most that one RTP packet carries. With the header (12 bytes), the header extensions that a viewer
// may have negotiated (8, and up to 24 in its first pictures), the number that a retransmission adds (2) and the authentication tag (16),
// a UDP payload stays within 1214 bytes, which passes every path that IPv6 allows and FFmpeg's and browsers' buffers.
const MaxPayload = 1160

// Packetizer cuts H.264 access units into RTP payloads (RFC 6184, packetization mode 1). It is not safe for
// concurrent use, and a packet is valid only during the call that it is handed to.
type Packetizer struct {
	Sequence uint16   // of the next packet
	params   [][]byte // the SPS and PPS seen last, own copies
	nals     [][]byte // scratch: one access unit
	buf      []byte   // scratch: one payload
	packet   rtp.Packet
}

// Packetize cuts one access unit in Annex B form and hands its packets to write, in order; the last one has the marker.
// Every IDR picture goes out behind an SPS and PPS, taken from earlier ones where the encoder left them out, so that a
// viewer can join at it (RFC 7742 §6.2). It reports whether the unit holds an IDR picture.
// The error is write's: the rest of the unit is then left out.
func (p *Packetizer) Packetize(unit []byte, timestamp uint32, write func(*rtp.Packet) error) (keyframe bool, err error) {
	p.nals = codec.SplitAnnexB(p.nals[:0], unit)
	keyframe, pictures := p.sort()
	if len(pictures) == 0 {
		return false, nil // nothing to show: the parameter sets wait for the next IDR picture
	}
	p.packet.Header = rtp.Header{Version: 2, Timestamp: timestamp, SequenceNumber: p.Sequence}
	defer func() { p.Sequence = p.packet.SequenceNumber }()

	if keyframe {
		if err := p.writeParams(write); err != nil {
			return keyframe, err
		}
	}
	for i, nal := range pictures {
		if err := p.writeNAL(nal, i == len(pictures)-1, write); err != nil {
			return keyframe, err
		}
	}
	return keyframe, nil
}

// sort keeps the parameter sets of the unit in p.params and returns the rest of it, without what a viewer has no
// use for, and whether an IDR picture is in it.
func (p *Packetizer) sort() (keyframe bool, rest [][]byte) {
	fresh := false
	rest = p.nals[:0]
	for _, nal := range p.nals {
		switch codec.H264NALs.Type(nal) {
		case codec.NALSPS, codec.NALPPS:
			if !fresh {
				p.params, fresh = p.params[:0], true
			}
			p.params = append(p.params, slices.Clone(nal))
		case codec.NALDelimiter, codec.NALSeqEnd, codec.NALStreamEnd, codec.NALFiller:
		default:
			keyframe = keyframe || codec.H264NALs.Type(nal) == codec.NALIDR
			rest = append(rest, nal)
		}
	}
	return keyframe, rest
}

// writeParams sends SPS and PPS as one aggregation packet (STAP-A, RFC 6184 §5.7.1).
func (p *Packetizer) writeParams(write func(*rtp.Packet) error) error {
	size := 1
	for _, nal := range p.params {
		size += 2 + len(nal)
	}
	if len(p.params) < 2 || size > MaxPayload {
		for _, nal := range p.params {
			if err := p.writeNAL(nal, false, write); err != nil {
				return err
			}
		}
		return nil
	}
	p.buf = append(p.buf[:0], codec.NALSTAPA)
	for _, nal := range p.params {
		p.buf[0] |= nal[0] & 0x60 // the highest importance (NRI) of its parts; SPS and PPS share one
		p.buf = append(p.buf, byte(len(nal)>>8), byte(len(nal)))
		p.buf = append(p.buf, nal...)
	}
	return p.emit(p.buf, false, write)
}

// spare is by how much the last fragment is shorter than the others at least: room for the header extension that tells
// viewers when the picture was taken, in packets that leave with one system call only if the last is not the largest.
const spare = 16

// writeNAL sends one unit, whole or in fragments (FU-A, RFC 6184 §5.8). The fragments are cut to one size (the last
// is shorter), so that they can leave in one system call.
func (p *Packetizer) writeNAL(nal []byte, last bool, write func(*rtp.Packet) error) error {
	if len(nal) <= MaxPayload {
		return p.emit(nal, last, write)
	}
	const start, end = 0x80, 0x40
	indicator, header := nal[0]&0x60|codec.NALFUA, codec.H264NALs.Type(nal)
	rest := nal[1:]
	const room = MaxPayload - 2
	count := (len(rest) + spare + room - 1) / room
	size := (len(rest) + spare + count - 1) / count
	flag := byte(start)
	for len(rest) > 0 {
		part := rest[:min(size, len(rest))]
		rest = rest[len(part):]
		if len(rest) == 0 {
			flag = end
		}
		p.buf = append(append(p.buf[:0], indicator, flag|header), part...)
		if err := p.emit(p.buf, last && len(rest) == 0, write); err != nil {
			return err
		}
		flag = 0
	}
	return nil
}

func (p *Packetizer) emit(payload []byte, marker bool, write func(*rtp.Packet) error) error {
	p.packet.Payload, p.packet.Marker = payload, marker
	err := write(&p.packet)
	p.packet.SequenceNumber++
	return err
}
