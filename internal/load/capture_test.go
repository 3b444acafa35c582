package load

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtp"

	"porthole/internal/ntp"
)

// ntpBytes returns a time as abs-capture-time has it.
func ntpBytes(at time.Time) []byte {
	return binary.BigEndian.AppendUint64(nil, ntp.Timestamp(at))
}

// captured returns an RTP packet with abs-capture-time under an id, after
// another extension.
func captured(t *testing.T, h rtp.Header, id uint8, value []byte) []byte {
	t.Helper()
	h.Version, h.SSRC = 2, 1
	if id > 14 { // for which there is no one-byte element
		h.Extension, h.ExtensionProfile = true, rtp.ExtensionProfileTwoByte
	}
	for of, v := range map[uint8][]byte{id - 1: []byte("0"), id: value} {
		if err := h.SetExtension(of, v); err != nil {
			t.Fatal(err)
		}
	}
	packet, err := (&rtp.Packet{Header: h, Payload: make([]byte, 20)}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return packet
}

func TestCaptureTimeIsReadFromTheHeader(t *testing.T) {
	at := time.Now()
	for _, tt := range []struct {
		name   string
		header rtp.Header
		id     uint8
		value  []byte
		want   bool
	}{
		{"one-byte elements", rtp.Header{}, 5, ntpBytes(at), true},
		{"two-byte elements", rtp.Header{}, 40, ntpBytes(at), true},
		{"after contributing sources", rtp.Header{CSRC: []uint32{7, 8}}, 5, ntpBytes(at), true},
		{"with the clock offset, which is left alone", rtp.Header{}, 5, append(ntpBytes(at), make([]byte, 8)...), true},
		{"too short", rtp.Header{}, 5, ntpBytes(at)[:7], false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			packet := captured(t, tt.header, tt.id, tt.value)
			got, ok := captureTime(packet, tt.id)
			if ok != tt.want || ok && time.Duration(got-at.UnixNano()).Abs() > time.Microsecond {
				t.Errorf("got %v, %v; want %v", time.Unix(0, got), ok, at)
			}
			if _, ok := captureTime(packet, tt.id+1); ok {
				t.Error("found under an id that the packet does not have")
			}
			if _, ok := captureTime(packet, 0); ok {
				t.Error("found although nothing was negotiated")
			}
		})
	}
}

// What comes from the network may end anywhere.
func TestCaptureTimeOfTruncatedPackets(t *testing.T) {
	for _, id := range []uint8{5, 40} {
		packet := captured(t, rtp.Header{CSRC: []uint32{7}}, id, ntpBytes(time.Now()))
		for n := rtpHeaderSize; n < len(packet); n++ {
			captureTime(packet[:n], id) // must not panic
		}
		for i := rtpHeaderSize; i < len(packet); i++ {
			packet[i] ^= 0xFF
			captureTime(packet, id)
			packet[i] ^= 0xFF
		}
	}
}

func FuzzCaptureTime(f *testing.F) {
	f.Add([]byte("\x90\x60\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\xbe\xde\x00\x03\x57\x01\x02\x03\x04\x05\x06\x07\x08\x00\x00\x00"), uint8(5))
	f.Fuzz(func(_ *testing.T, packet []byte, id uint8) {
		if isRTP(packet) {
			captureTime(packet, id)
		}
	})
}

func TestCaptureTimeIDComesFromTheAnswer(t *testing.T) {
	for _, tt := range []struct {
		name, answer string
		want         uint8
	}{
		{"absent", "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\n", 0},
		{"plain", "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:9 " + captureTimeURI + "\r\n", 9},
		{"with a direction", "a=extmap:9/sendonly " + captureTimeURI + "\r\n", 9},
		{"with attributes", "a=extmap:9 " + captureTimeURI + " more\n", 9},
		{"no number", "a=extmap:x " + captureTimeURI + "\r\n", 0},
		{"nothing follows", "a=extmap:\r\na=extmap:9\r\n", 0},
	} {
		if got := extensionID(tt.answer, captureTimeURI); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
}

// A picture is as old as it is when its last packet comes, whichever packet, of
// this picture or of one before, tells when it was taken; what comes before the
// settled part does not count.
func TestMeterTimesWholePictures(t *testing.T) {
	begin := time.Now()
	m := newMeter(begin.Add(time.Second), 0)
	m.delays = &histogram{}
	m.claim(1, true, 90000)
	m.expectCapture(5)
	seq := uint16(0)
	packet := func(at time.Duration, timestamp uint32, marker bool, age time.Duration) {
		seq++
		h := rtp.Header{SequenceNumber: seq, Timestamp: timestamp, Marker: marker}
		if age == 0 {
			b := header(1, seq, timestamp)
			if marker {
				b[1] |= 0x80
			}
			m.count(begin.Add(at), b)
			return
		}
		m.count(begin.Add(at), captured(t, h, 5, ntpBytes(begin.Add(at-age))))
	}
	packet(500*time.Millisecond, 1, true, time.Hour)             // before judging begins
	packet(1100*time.Millisecond, 2, true, 20*time.Millisecond)  // told by the last packet
	packet(1200*time.Millisecond, 3, false, 20*time.Millisecond) // by the first
	packet(1210*time.Millisecond, 3, true, 0)
	packet(1300*time.Millisecond, 9000, false, 20*time.Millisecond) // the last packet is lost
	packet(1420*time.Millisecond, 18000, true, 0)                   // told by that one: taken 100 ms later
	packet(1500*time.Millisecond, 600*90000, true, 0)               // too long after it
	m.stop(begin.Add(2 * time.Second))

	got := m.delays.distribution()
	if got.Count != 3 || got.Min < 19.9 || got.Min > 20.1 || got.Max < 39.7 || got.Max > 40.3 {
		t.Errorf("got %+v, want three pictures, 20, 30 and 40 ms old", got)
	}
}

func TestTimingPicturesAllocatesNothing(t *testing.T) {
	now := time.Now()
	m := newMeter(now, 0)
	m.delays = &histogram{}
	m.claim(1, true, 90000)
	m.expectCapture(5)
	packet := captured(t, rtp.Header{Marker: true}, 5, ntpBytes(now))
	m.count(now, packet)
	if got := testing.AllocsPerRun(1000, func() { m.count(now, packet) }); got != 0 {
		t.Errorf("count allocates %v times a packet, want 0", got)
	}
	if n := m.delays.distribution().Count; n < 1000 {
		t.Errorf("%d pictures were timed, want all", n)
	}
}
