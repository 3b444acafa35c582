package h264

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/pion/rtp"
	rtpcodecs "github.com/pion/rtp/codecs"

	"porthole/capture/capturetest"
	"porthole/internal/codec"
)

// collect packetizes units and returns copies of the packets.
func collect(t *testing.T, p *Packetizer, timestamp uint32, units ...[]byte) []*rtp.Packet {
	t.Helper()
	var packets []*rtp.Packet
	for _, u := range units {
		if _, err := p.Packetize(u, timestamp, func(packet *rtp.Packet) error {
			packets = append(packets, packet.Clone())
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return packets
}

// depacketize is another implementation's idea of what the packets mean: Annex B again.
func depacketize(t *testing.T, packets []*rtp.Packet) []byte {
	t.Helper()
	var receiver rtpcodecs.H264Packet
	var all []byte
	for _, p := range packets {
		part, err := receiver.Unmarshal(p.Payload)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, part...)
	}
	return all
}

func TestPacketizerRoundTrip(t *testing.T) {
	for _, size := range []int{2, 100, MaxPayload - 1, MaxPayload, MaxPayload + 1, 2 * MaxPayload, 39_999, 284_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			p := &Packetizer{Sequence: 65530}
			access := capturetest.Unit(capturetest.NAL(codec.NALSPS, 12), capturetest.NAL(codec.NALPPS, 4), capturetest.NAL(codec.NALIDR, size))
			packets := collect(t, p, 4711, access)
			if got := codec.SplitAnnexB(nil, depacketize(t, packets)); !equalNALs(got, codec.SplitAnnexB(nil, access)) {
				t.Error("what comes out is not what went in")
			}
			for i, packet := range packets {
				if want := 65530 + uint16(i); packet.SequenceNumber != want {
					t.Errorf("packet %d has sequence number %d, want %d", i, packet.SequenceNumber, want)
				}
				if packet.Timestamp != 4711 || len(packet.Payload) > MaxPayload {
					t.Errorf("packet %d has timestamp %d and %d bytes", i, packet.Timestamp, len(packet.Payload))
				}
				if want := i == len(packets)-1; packet.Marker != want {
					t.Errorf("packet %d has marker %v", i, packet.Marker)
				}
			}
		})
	}
}

func equalNALs(a, b [][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// The last fragment leaves room for the header extension that only it carries.
func TestFragmentsHaveOneSize(t *testing.T) {
	packets := collect(t, new(Packetizer), 0, capturetest.Unit(capturetest.NAL(1, 10_000)))
	if len(packets) != 9 {
		t.Fatalf("%d packets, want the fewest that hold it, 9", len(packets))
	}
	first := len(packets[0].Payload)
	for i, packet := range packets {
		last := i == len(packets)-1
		if got := len(packet.Payload); !last && got != first || last && (got > first-spare || got < first-spare-len(packets)) {
			t.Errorf("packet %d has %d bytes, the first %d", i, got, first)
		}
	}
}

func TestParameterSets(t *testing.T) {
	sps, pps, idr, slice := capturetest.NAL(codec.NALSPS, 12), capturetest.NAL(codec.NALPPS, 4), capturetest.NAL(codec.NALIDR, 50), capturetest.NAL(1, 50)
	p := new(Packetizer)

	packets := collect(t, p, 0, capturetest.Unit(sps, pps, idr))
	if len(packets) != 2 || codec.H264NALs.Type(packets[0].Payload) != codec.NALSTAPA {
		t.Fatalf("a keyframe became %d packets, the first of type %d, want an aggregate and a picture", len(packets), codec.H264NALs.Type(packets[0].Payload))
	}
	if got := collect(t, p, 0, capturetest.Unit(slice)); len(got) != 1 {
		t.Errorf("a picture between became %d packets, want 1", len(got))
	}
	again := collect(t, p, 0, capturetest.Unit(idr))
	if len(again) != 2 || !bytes.Equal(again[0].Payload, packets[0].Payload) {
		t.Error("a keyframe without parameter sets went out without those of the last one")
	}
	if got := collect(t, p, 0, capturetest.Unit(sps, pps)); len(got) != 0 {
		t.Errorf("parameter sets alone became %d packets, want none before their picture", len(got))
	}
	other := capturetest.NAL(codec.NALSPS, 20)
	if got := collect(t, p, 0, capturetest.Unit(other, pps), capturetest.Unit(idr)); len(got) != 2 || !bytes.Contains(got[0].Payload, other) {
		t.Error("the keyframe does not carry the newest parameter sets")
	}
}

func TestPacketizerLeavesOutWhatNobodyNeeds(t *testing.T) {
	for name, access := range map[string][]byte{
		"empty":              nil,
		"no NAL unit":        {1, 2, 3},
		"zeros":              make([]byte, 10),
		"codec.NALDelimiter": capturetest.Unit(capturetest.NAL(codec.NALDelimiter, 2)),
		"codec.NALFiller":    capturetest.Unit(capturetest.NAL(codec.NALFiller, 2000)),
	} {
		if got := collect(t, new(Packetizer), 0, access); len(got) != 0 {
			t.Errorf("%s became %d packets", name, len(got))
		}
	}
	got := collect(t, new(Packetizer), 0, capturetest.Unit(capturetest.NAL(codec.NALDelimiter, 2), capturetest.NAL(1, 10), capturetest.NAL(codec.NALFiller, 10)))
	if len(got) != 1 || !got[0].Marker {
		t.Error("the marker is not on the last packet that is sent")
	}
}

func TestPacketizerStopsAtAWriteError(t *testing.T) {
	broken := errors.New("broken")
	calls := 0
	p := new(Packetizer)
	_, err := p.Packetize(capturetest.Unit(capturetest.NAL(1, 5000)), 0, func(*rtp.Packet) error { calls++; return broken })
	if !errors.Is(err, broken) || calls != 1 {
		t.Errorf("got %v after %d calls, want the error after one", err, calls)
	}
}

func FuzzPacketize(f *testing.F) {
	f.Add(capturetest.Unit(capturetest.NAL(codec.NALSPS, 12), capturetest.NAL(codec.NALPPS, 4), capturetest.NAL(codec.NALIDR, 5000)))
	f.Add([]byte{0, 0, 1})
	f.Add([]byte{0, 0, 1, 0x65, 0, 0, 1, 0, 0, 0, 1, 0x41, 9})
	f.Fuzz(func(t *testing.T, access []byte) {
		p := new(Packetizer)
		var last *rtp.Packet
		_, _ = p.Packetize(access, 1, func(packet *rtp.Packet) error {
			if len(packet.Payload) == 0 || len(packet.Payload) > MaxPayload {
				t.Fatalf("payload of %d bytes", len(packet.Payload))
			}
			if last != nil && last.Marker {
				t.Fatal("a packet after the marker")
			}
			last = packet.Clone()
			return nil
		})
		if last != nil && !last.Marker {
			t.Fatal("no marker")
		}
	})
}

func TestPacketizerAllocatesNothing(t *testing.T) {
	p := new(Packetizer)
	access := capturetest.Unit(capturetest.NAL(1, 10_000))
	write := func(*rtp.Packet) error { return nil }
	if got := testing.AllocsPerRun(100, func() { _, _ = p.Packetize(access, 0, write) }); got != 0 {
		t.Errorf("%v allocations a picture, want 0", got)
	}
}

func BenchmarkPacketize(b *testing.B) {
	for name, access := range map[string][]byte{
		"picture":  capturetest.Unit(capturetest.NAL(1, 10_000)),
		"keyframe": capturetest.Unit(capturetest.NAL(codec.NALSPS, 12), capturetest.NAL(codec.NALPPS, 4), capturetest.NAL(codec.NALIDR, 45_000)),
	} {
		b.Run(name, func(b *testing.B) {
			p := new(Packetizer)
			write := func(*rtp.Packet) error { return nil }
			b.SetBytes(int64(len(access)))
			b.ReportAllocs()
			for b.Loop() {
				_, _ = p.Packetize(access, 0, write)
			}
		})
	}
}
