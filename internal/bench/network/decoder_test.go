package main

import (
	"testing"
	"time"

	"github.com/pion/rtp"
)

// stream makes packets of pictures: two packets each, a keyframe every ten pictures.
func stream(pictures int) (packets []*rtp.Packet) {
	const idr, slice = 0x65, 0x61
	for i := range pictures {
		kind := byte(slice)
		if i%10 == 0 {
			kind = idr
		}
		for part := range 2 {
			n := uint16(65_500 + 2*i + part) // it wraps
			packets = append(packets, &rtp.Packet{Header: rtp.Header{SequenceNumber: n, Marker: part == 1}, Payload: []byte{kind, 0x88}})
		}
	}
	return packets
}

// play gives packets to a decoder, 10 ms apart.
func play(packets []*rtp.Packet) (d decoder, asked int) {
	now := time.Unix(1000, 0)
	for _, p := range packets {
		now = now.Add(10 * time.Millisecond)
		if d.add(p, now) {
			asked++
		}
	}
	return d, asked
}

func TestDecoderCountsPictures(t *testing.T) {
	if d, asked := play(stream(100)); len(d.decoded) != 100 || asked != 0 || d.bytes != 400 {
		t.Errorf("%d pictures, %d asked, %d bytes", len(d.decoded), asked, d.bytes)
	}
}

func TestDecoderWaitsForPacketsThatComeLate(t *testing.T) {
	packets := stream(100)
	late := packets[31]
	packets = append(packets[:31], packets[32:]...)
	packets = append(packets[:60], append([]*rtp.Packet{late, late}, packets[60:]...)...)
	if d, asked := play(packets); len(d.decoded) != 100 || asked != 0 {
		t.Errorf("%d pictures, %d asked; a packet came 300 ms late", len(d.decoded), asked)
	}
}

func TestDecoderGoesOnAtAKeyframe(t *testing.T) {
	packets := stream(100)
	packets = append(packets[:30], packets[32:]...) // picture 15 is lost; given up after 500 ms, with picture 41
	d, asked := play(packets)
	if len(d.decoded) != 95 || asked != 0 {
		t.Errorf("%d pictures, %d asked, want 95 and 0: those from 15 to the keyframe at 20, which has come, are missing", len(d.decoded), asked)
	}
}

func TestDecoderBeginsAtAKeyframe(t *testing.T) {
	if d, asked := play(stream(100)[6:]); len(d.decoded) != 90 || asked != 1 {
		t.Errorf("%d pictures, %d asked, want 90 and 1", len(d.decoded), asked)
	}
}
