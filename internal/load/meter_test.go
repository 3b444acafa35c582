package load

import (
	"encoding/binary"
	"testing"
	"time"

	"porthole/internal/codec"

	"github.com/pion/rtp"
)

func header(ssrc uint32, seq uint16, timestamp uint32) []byte {
	b := make([]byte, 100)
	b[0], b[1] = 0x80, 96
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[4:], timestamp)
	binary.BigEndian.PutUint32(b[8:], ssrc)
	return b
}

func TestMeterCountsLossLikeRFC3550(t *testing.T) {
	tests := []struct {
		name string
		seqs []uint16
		lost uint64
	}{
		{"none", []uint16{1, 2, 3}, 0},
		{"one gap", []uint16{1, 2, 5}, 2},
		{"a late packet fills its gap", []uint16{1, 3, 2, 4}, 0},
		{"the first packets are overtaken", []uint16{12, 10, 11, 13}, 0},
		{"around the wrap", []uint16{65534, 65535, 0, 2}, 1},
		{"overtaken around the wrap", []uint16{0, 65535, 1}, 0},
		{"a duplicate hides no more than itself", []uint16{1, 1, 4}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newMeter(time.Now(), 0)
			m.claim(7, true, 90000)
			for i, seq := range tt.seqs {
				m.count(time.Now(), header(7, seq, uint32(i)))
			}
			m.stop(time.Now())
			if got := m.read(); got.lost != tt.lost || got.packets != uint64(len(tt.seqs)) {
				t.Errorf("got %d lost of %d, want %d of %d", got.lost, got.packets, tt.lost, len(tt.seqs))
			}
		})
	}
}

// The burst with which a server brings a new viewer up to date must not count
// as frame rate, and a stall at the end must.
func TestMeterJudgesTheSettledPart(t *testing.T) {
	begin := time.Now()
	m := newMeter(begin.Add(time.Second), time.Second)
	m.claim(1, true, 90000)
	seq := uint16(0)
	frame := func(at time.Duration) {
		seq++
		m.count(begin.Add(at), header(1, seq, uint32(seq)*3000))
	}
	for range 60 { // two seconds of pictures at once
		frame(100 * time.Millisecond)
	}
	for at := 200 * time.Millisecond; at < 3100*time.Millisecond; at += 100 * time.Millisecond {
		frame(at)
	}
	m.stop(begin.Add(5100 * time.Millisecond))
	got := m.read()
	if got.frameRate < 4.9 || got.frameRate > 5.1 {
		t.Errorf("frame rate %v: want that of 20 frames in 4 s", got.frameRate)
	}
	if got.pause < 2*time.Second {
		t.Errorf("longest pause %v: the stall at the end lasted 2.1 s", got.pause)
	}
}

// What came late, and all at once when judging had begun, was not sent faster.
func TestMeterTakesNoBurstForARate(t *testing.T) {
	begin := time.Now()
	m := newMeter(begin.Add(time.Second), time.Second)
	m.claim(1, true, 90000)
	for i := range 91 { // 30 a second; those of the second one are held up
		at := time.Duration(i) * time.Second / 30
		if i > 15 && at < 1500*time.Millisecond {
			at = 1500 * time.Millisecond
		}
		m.count(begin.Add(at), header(1, uint16(i), uint32(i)*3000))
	}
	m.stop(begin.Add(3 * time.Second))
	if got := m.read(); got.frameRate < 29.9 || got.frameRate > 30.1 {
		t.Errorf("frame rate %v, want 30", got.frameRate)
	}
}

// A server that leaves out frames does not change the rate they were made at.
func TestMeterFindsTheSourceRate(t *testing.T) {
	begin := time.Now()
	m := newMeter(begin, 0)
	m.claim(1, true, 90000)
	for i := range 300 {
		if i%30 < 20 { // a third of the frames is missing, as after skips to a keyframe
			m.count(begin.Add(time.Duration(i)*time.Second/30), header(1, uint16(i), uint32(i)*3000))
		}
	}
	m.stop(begin.Add(10 * time.Second))
	if got := m.read(); got.sourceRate != 30 || got.frameRate < 19 || got.frameRate > 21 {
		t.Errorf("source rate %v, frame rate %v; want 30 and 20", got.sourceRate, got.frameRate)
	}
}

func TestMeterIgnoresStreamsOfNoTrack(t *testing.T) {
	m := newMeter(time.Now(), 0)
	m.claim(1, true, 90000)
	m.count(time.Now(), header(1, 1, 1))
	m.count(time.Now(), header(2, 1, 1)) // retransmissions, or probing
	m.count(time.Now(), header(2, 9, 1))
	m.stop(time.Now())
	if got := m.read(); got.packets != 1 || got.lost != 0 {
		t.Errorf("got %d packets and %d lost, want 1 and 0", got.packets, got.lost)
	}
}

func TestMeterSaysWhatIsStillNeeded(t *testing.T) {
	m := newMeter(time.Now(), 0)
	if !m.count(time.Now(), header(1, 1, 1)) {
		t.Error("a packet before the keyframe must reach the decoder")
	}
	m.hush(1)
	if m.count(time.Now(), header(1, 2, 1)) {
		t.Error("a packet after the keyframe must not")
	}
	if !m.count(time.Now(), header(2, 2, 1)) {
		t.Error("a packet of another stream must")
	}
}

func TestMeterAllocatesNothing(t *testing.T) {
	m := newMeter(time.Now(), 0)
	packet := header(1, 1, 1)
	now := time.Now()
	m.count(now, packet)
	if got := testing.AllocsPerRun(1000, func() { m.count(now, packet) }); got != 0 {
		t.Errorf("count allocates %v times a packet, want 0", got)
	}
}

func TestGatePassesWholeKeyframesOnly(t *testing.T) {
	const idr, slice, sps = 0x65, 0x41, 0x67
	packet := func(seq uint16, timestamp uint32, marker bool, nal byte) *rtp.Packet {
		return &rtp.Packet{
			Header:  rtp.Header{SequenceNumber: seq, Timestamp: timestamp, Marker: marker},
			Payload: []byte{nal, 0, 0, 0},
		}
	}
	tests := []struct {
		name    string
		packets []*rtp.Packet
		want    int // index of the packet that completes the keyframe; -1: none
	}{
		{"one packet", []*rtp.Packet{packet(1, 1, true, idr)}, 0},
		{"several packets", []*rtp.Packet{packet(1, 1, false, idr), packet(2, 1, true, slice)}, 1},
		{"parameter sets first", []*rtp.Packet{packet(1, 1, false, sps), packet(2, 1, true, idr)}, 1},
		{"in disorder", []*rtp.Packet{packet(1, 1, false, idr), packet(3, 1, true, slice), packet(2, 1, false, slice)}, 2},
		{"one is missing", []*rtp.Packet{packet(1, 1, false, idr), packet(3, 1, true, slice), packet(4, 2, true, slice)}, -1},
		{"the next one counts", []*rtp.Packet{packet(1, 1, false, idr), packet(3, 1, true, slice), packet(4, 2, true, idr)}, 2},
		{"no keyframe", []*rtp.Packet{packet(1, 1, true, slice), packet(2, 2, true, slice)}, -1},
		{"around the wrap", []*rtp.Packet{packet(65535, 1, false, idr), packet(0, 1, true, slice)}, 1},
		{"a late packet changes nothing", []*rtp.Packet{packet(5, 9, false, idr), packet(4, 8, true, slice), packet(6, 9, true, slice)}, 2},
		{"padding without payload", []*rtp.Packet{{Header: rtp.Header{SequenceNumber: 1, Marker: true}}}, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := gate{codec: codec.Codec{MimeType: "video/H264", ClockRate: 90000}}
			got := -1
			for i, p := range tt.packets {
				if g.pass(p) {
					got = i
					break
				}
			}
			if got != tt.want {
				t.Errorf("whole after packet %d, want %d", got, tt.want)
			}
		})
	}
}

func TestDistributionTakesRealValues(t *testing.T) {
	if got := distribution([]float64{5, 1, 3, 2, 4}); got != (Distribution{Count: 5, Min: 1, P50: 3, P95: 5, P99: 5, Max: 5}) {
		t.Errorf("got %+v", got)
	}
	if got := distribution(nil); got != (Distribution{}) {
		t.Errorf("of nothing: got %+v", got)
	}
}

// A publisher whose timestamps are times of sending tells the delay of every picture,
// once one of them has said when it was sent.
func TestMeterTimesPicturesByTheirTimestamps(t *testing.T) {
	begin := time.Now()
	m := newMeter(begin.Add(time.Second), 0)
	m.delays = &histogram{}
	m.claim(1, true, 90000)
	took := func(i int) time.Duration { return time.Duration(1+i%4) * time.Millisecond }
	for i := range 100 {
		sent := begin.Add(time.Duration(i) * 40 * time.Millisecond)
		timestamp := 77 + uint32(i)*3600
		packet := header(1, uint16(i), timestamp)
		packet[1] |= 0x80 // the only packet of its picture
		m.count(sent.Add(took(i)), packet)
		if i == 10 && m.timeBy(1, timestamp, sent) {
			t.Error("timed before judging begins: a server may squeeze timestamps until then")
		}
		if i == 49 && !m.timeBy(1, timestamp, sent) {
			t.Error("not timed")
		}
	}
	d := m.delays.distribution()
	if d.Count != 50 || d.Min < 0.98 || d.Min > 1.02 || d.Max < 3.98 || d.Max > 4.02 {
		t.Errorf("%+v; want 50 pictures of 1 to 4 ms", d)
	}
}
