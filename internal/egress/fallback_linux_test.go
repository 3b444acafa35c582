package egress

import (
	"bytes"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func newTestConn(t *testing.T) *Conn {
	t.Helper()
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = udp.Close() })
	c, err := New(udp, Segmented)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestFallBack tells which errors a mode can have caused, and whom the next mode
// is for: a network card that cannot do it is everybody's, a narrow path is one
// destination's.
func TestFallBack(t *testing.T) {
	for _, c := range []struct {
		name    string
		mode    Mode
		err     error
		again   bool
		next    Mode
		forAll  Mode
		forThis bool
	}{
		{"a card without checksum offload", Segmented, unix.EIO, true, Multiple, Multiple, false},
		{"a path with a small MTU", Segmented, unix.EINVAL, true, Multiple, Segmented, true},
		{"a segment that is too long", Segmented, unix.EMSGSIZE, true, Multiple, Segmented, true},
		{"a system call that is not there", Multiple, unix.ENOSYS, true, Plain, Plain, false},
		{"a full buffer", Segmented, unix.EAGAIN, false, Segmented, Segmented, false},
		{"a firewall", Segmented, unix.EPERM, false, Segmented, Segmented, false},
		{"nobody listens", Multiple, unix.ECONNREFUSED, false, Multiple, Segmented, false},
		{"plain writes have no way back", Plain, unix.EINVAL, false, Plain, Segmented, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := newTestConn(t)
			d := newDestination(conn, netip.MustParseAddrPort("127.0.0.1:9"))
			d.os.mode, d.os.err = c.mode, c.err
			if again := d.fallBack(); again != c.again || d.os.mode != c.next {
				t.Errorf("tries again %v with %v, want %v with %v", again, d.os.mode, c.again, c.next)
			}
			if conn.Mode() != c.forAll || d.single != c.forThis {
				t.Errorf("from now on %v for all, never segmented for this one %v", conn.Mode(), d.single)
			}
		})
	}
}

// TestNarrowPathGetsItsPackets sends to a destination that has once refused a
// segmented batch.
func TestNarrowPathGetsItsPackets(t *testing.T) {
	conn := newTestConn(t)
	to, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	local, _ := to.LocalAddr().(*net.UDPAddr)
	d := conn.Open(local.AddrPort())
	d.single = true // as after EINVAL
	packet := append([]byte{0x80, 96}, make([]byte, 1000)...)
	for i := range 5 {
		packet[3] = byte(i)
		if _, err := conn.WriteToAddrPort(packet, local.AddrPort()); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Flush(); err != nil {
		t.Fatal(err)
	}
	_ = to.SetReadDeadline(time.Now().Add(5 * time.Second))
	got := make([]byte, 2000)
	for i := range 5 {
		packet[3] = byte(i)
		if n, err := to.Read(got); err != nil || !bytes.Equal(got[:n], packet) {
			t.Fatalf("packet %d: %d bytes, %v", i, n, err)
		}
	}
	if conn.Mode() != Segmented {
		t.Error("one narrow path made everybody's batches worse")
	}
}
