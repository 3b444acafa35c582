package egress_test

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"porthole/internal/egress"
)

// A burst that is longer than one read comes whole, in order, each datagram with
// its own length and sender.
func TestReadsABurstInOrder(t *testing.T) {
	for _, network := range []struct{ name, address string }{
		{"udp4", "127.0.0.1:0"}, {"udp6", "[::1]:0"},
	} {
		t.Run(network.name, func(t *testing.T) {
			c := open(t, network.name, network.address, egress.Segmented)
			senders := []*net.UDPConn{listen(t, network.name, network.address), listen(t, network.name, network.address)}
			const packets = 100
			to, _ := c.LocalAddr().(*net.UDPAddr)
			for i := range packets {
				if _, err := senders[i%2].WriteToUDP(packet(100+i, i), to); err != nil {
					t.Fatal(err)
				}
			}
			_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
			buf := make([]byte, 1600)
			for i := range packets {
				n, from, err := c.ReadFromAddrPort(buf)
				if err != nil {
					t.Fatalf("datagram %d: %v", i, err)
				}
				if !bytes.Equal(buf[:n], packet(100+i, i)) || from != port(senders[i%2]) {
					t.Fatalf("datagram %d: %d bytes from %v, want %d from %v", i, n, from, 100+i, port(senders[i%2]))
				}
			}
		})
	}
}

func TestReadKeepsItsDeadline(t *testing.T) {
	c := open(t, "udp4", "127.0.0.1:0", egress.Segmented)
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	if _, _, err := c.ReadFromAddrPort(make([]byte, 100)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v, want the end of the deadline", err)
	}
}

func TestReadingAllocatesNothing(t *testing.T) {
	c := open(t, "udp4", "127.0.0.1:0", egress.Segmented)
	from := listen(t, "udp4", "127.0.0.1:0")
	to, _ := netip.ParseAddrPort(c.LocalAddr().String())
	p, buf := packet(1000, 1), make([]byte, 1600)
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	n := testing.AllocsPerRun(200, func() {
		for range 4 {
			_, _ = from.WriteToUDPAddrPort(p, to)
		}
		for range 4 {
			if _, _, err := c.ReadFromAddrPort(buf); err != nil {
				t.Fatal(err)
			}
		}
	})
	if n != 0 {
		t.Errorf("reading four datagrams allocates %v times, want 0", n)
	}
}

// What is not media is sent at once.
func TestSingleDatagramsAreNotHeldBack(t *testing.T) {
	c := open(t, "udp4", "127.0.0.1:0", egress.Segmented)
	to := listen(t, "udp4", "127.0.0.1:0")
	stun := make([]byte, 20)
	for _, size := range []int{20, 500, 1200} {
		if n, err := c.WriteToAddrPort(append(stun, make([]byte, size-20)...), port(to)); n != size || err != nil {
			t.Errorf("%d bytes: wrote %d, %v", size, n, err)
		}
		if got := receive(t, to, 1); len(got[0]) != size {
			t.Errorf("%d bytes came as %d", size, len(got[0]))
		}
	}
	if n, err := c.WriteToAddrPort(nil, port(to)); n != 0 || err != nil {
		t.Errorf("nothing: %d, %v", n, err)
	}
}
