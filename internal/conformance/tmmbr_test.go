package conformance_test

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// tmmbr asks for so many bits per second at most, as shifted 17 bits tell it (RFC
// 5104 section 4.2.1).
func tmmbr(media, bitsPerSecond uint32) rtcp.Packet {
	exponent := uint32(0)
	for ; bitsPerSecond >= 1<<17; exponent++ {
		bitsPerSecond >>= 1
	}
	b := []byte{0x83, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0}
	b = binary.BigEndian.AppendUint32(b, media)
	b = binary.BigEndian.AppendUint32(b, exponent<<26|bitsPerSecond<<9)
	raw := rtcp.RawPacket(b)
	return &raw
}

// wholePictures returns the payload bytes of packets, and checks that
// nothing but whole pictures is among them.
func wholePictures(t testing.TB, packets []*rtp.Packet) (size int) {
	t.Helper()
	requireGapless(t, "under the bound", packets)
	for i, p := range packets {
		size += len(p.Payload)
		if i > 0 && p.Timestamp != packets[i-1].Timestamp && !packets[i-1].Marker {
			t.Errorf("half a picture, before packet %d", i)
		}
	}
	return size
}

// MEDIA-12: what a viewer allows is not exceeded; the sound goes on, and so does
// everything for other viewers.
func TestMEDIA12TMMBR(t *testing.T) {
	t.Parallel()
	s := start(t)
	bounded := video(96, "video/VP8", "", "nack", "nack pli", "ccm tmmbr")
	p := newPublisher(t, s, role{codecs: []codec{vp8, opus}})
	p.sending["video"].reshape(func(n int) [][]byte { // 4 kB thirty times a second, a keyframe each second
		head := []byte{0x10, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0}
		if n%30 == 0 {
			head = picture(vp8, n)[0]
		}
		parts := [][]byte{append(head, bytes.Repeat([]byte{1}, 1000)...)}
		for range 3 {
			parts = append(parts, bytes.Repeat([]byte{0}, 1000))
		}
		return parts
	})
	p.join("/whip/row", role{}).up().send()
	until(t, patience, "the stream to be live", func() bool { return s.stream("row").Live })
	v := watchStream(t, s, "row", role{codecs: []codec{bounded, opus}}).plays("video", "audio")
	other := watchStream(t, s, "row", role{}).plays("video", "audio")
	parse(v.reply.body).wants(t, "a=rtcp-fb:96 ccm tmmbr")
	parse(other.reply.body).lacks(t, "tmmbr")

	picture, sound := v.received["video"], v.received["audio"]
	ssrc := picture.seen()[0].SSRC
	allow := func(bitsPerSecond uint32) {
		if err := v.pc.WriteRTCP([]rtcp.Packet{tmmbr(ssrc, bitsPerSecond)}); err != nil {
			t.Fatal(err)
		}
	}
	const allowed = 300_000 // of about 960,000
	allow(allowed)
	until(t, patience, "TMMBN", func() bool { return picture.notified(ssrc) })
	begun, heard, others, since := picture.count(), sound.count(), other.received["video"].count(), time.Now()
	other.received["audio"].awaitMore(t, 400) // eight seconds, if the publisher keeps its pace
	span := time.Since(since)
	size := wholePictures(t, picture.seen()[begun:])
	// Half a second's worth may go out in advance, and one picture's more.
	if most := int(allowed/8*(span.Seconds()+0.5)) + 4100; size > most {
		t.Errorf("%d bytes in %v, %d are allowed", size, span, most)
	}
	if size < int(allowed/8*span.Seconds()/4) {
		t.Errorf("%d bytes in %v: that is much less than allowed", size, span)
	}
	if n := sound.count() - heard; n < 300 {
		t.Errorf("%d sounds of 400", n)
	}
	if n := other.received["video"].count() - others; n < 600 { // of 960
		t.Errorf("another viewer got %d packets in %v", n, span)
	}

	allow(10_000_000)
	until(t, patience, "the whole picture", func() bool {
		before := picture.count()
		other.received["audio"].awaitMore(t, 50)
		return picture.count()-before > 90
	})
}

// notified tells whether a TMMBN of a source has come.
func (t *track) notified(ssrc uint32) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, raw := range t.raw {
		if len(raw) >= 20 && raw[0] == 0x84 && raw[1] == 205 && binary.BigEndian.Uint32(raw[4:]) == ssrc {
			return true
		}
	}
	return false
}
