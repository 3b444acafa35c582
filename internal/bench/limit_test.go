package main

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"porthole/internal/egress"
)

func TestTheLimitSendsWhatAViewerCanDecrypt(t *testing.T) {
	listen := func() *net.UDPConn {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	to := listen()
	conn, err := egress.New(listen(), egress.Segmented)
	if err != nil {
		t.Fatal(err)
	}
	newContext := func() *srtp.Context {
		c, err := srtp.CreateContext([]byte(limitKey), []byte(limitSalt), srtp.ProtectionProfileAeadAes128Gcm)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	addr := netip.MustParseAddrPort(to.LocalAddr().String())
	r := &receiver{addr: addr, batch: conn.Open(addr), context: newContext()}
	var s sender
	picture := newVideo(usualGOP).keyframe
	if err := s.prepare(picture, 7); err != nil {
		t.Fatal(err)
	}
	if err := s.send(conn, r); err != nil {
		t.Fatal(err)
	}

	viewer, buffer := newContext(), make([]byte, maxPacket)
	_ = to.SetReadDeadline(time.Now().Add(5 * time.Second))
	for i, want := range picture {
		n, err := to.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		clear, err := viewer.DecryptRTP(nil, buffer[:n], nil)
		if err != nil {
			t.Fatal(err)
		}
		var p rtp.Packet
		if err := p.Unmarshal(clear); err != nil {
			t.Fatal(err)
		}
		if string(p.Payload) != string(want) || p.Marker != (i == len(picture)-1) || int(p.SequenceNumber) != i {
			t.Errorf("packet %d is %v", i, &p)
		}
	}
	allocations := testing.AllocsPerRun(50, func() { _ = s.prepare(picture, 8); _ = s.send(conn, r) })
	if allocations != 0 {
		t.Errorf("a picture allocates %v times, which is not the limit", allocations)
	}
}

func TestReceiversCountWhatIsLost(t *testing.T) {
	begin := time.Now()
	feed := func(skip func(frame, part int) bool) *tally {
		c := &tally{}
		sequence := uint16(65_500) // wraps soon
		for frame := range 2 * frameRate {
			c.last = begin.Add(time.Duration(frame) * time.Second / frameRate)
			for part := range pictureParts {
				h := header(sequence, timestampOf(c.last.Add(-2*time.Millisecond)), part, pictureParts)
				sequence++
				packet, err := h.Marshal()
				if err != nil {
					t.Fatal(err)
				}
				if !skip(frame, part) {
					c.count(packet)
				}
			}
		}
		return c
	}
	whole := feed(func(int, int) bool { return false })
	broken := feed(func(frame, part int) bool { return frame%2 == 1 && part == 4 })
	got := sumTallies([]*tally{whole, broken, {}})
	if got.Viewers != 2 || got.Full != 1 {
		t.Errorf("%d viewers, %d of them served fully; want 2 and 1", got.Viewers, got.Full)
	}
	if got.FrameRate < 29.9 || got.FrameRate > 30.1 || got.PacketRate < 290 || got.PacketRate > 301 {
		t.Errorf("%v frames, %v packets a second", got.FrameRate, got.PacketRate)
	}
	if d := got.Delay; d.Count != 2*2*frameRate || d.P50 < 1.9 || d.P50 > 2.1 || d.P99 < 1.9 || d.P99 > 2.1 {
		t.Errorf("delay %+v, want 2 ms of %d pictures", d, 2*2*frameRate)
	}
	if got.Loss < 2.4 || got.Loss > 2.6 {
		t.Errorf("%v %% lost, want 2.5", got.Loss)
	}
}
