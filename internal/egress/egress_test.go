package egress_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"porthole/internal/egress"
)

// listen returns a UDP socket on a loopback address, with room for a test's packets.
func listen(tb testing.TB, network, address string) *net.UDPConn {
	tb.Helper()
	addr, err := net.ResolveUDPAddr(network, address)
	if err != nil {
		tb.Fatal(err)
	}
	c, err := net.ListenUDP(network, addr)
	if err != nil {
		tb.Fatal(err)
	}
	_ = c.SetReadBuffer(4 << 20)
	_ = c.SetWriteBuffer(4 << 20)
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

func port(c *net.UDPConn) netip.AddrPort {
	a, _ := c.LocalAddr().(*net.UDPAddr)
	return netip.AddrPortFrom(a.AddrPort().Addr().Unmap(), a.AddrPort().Port())
}

// packet returns an RTP packet of n bytes that carries its number.
func packet(n, number int) []byte {
	b := bytes.Repeat([]byte{byte(number)}, n)
	b[0], b[1] = 0x80, 96
	b[2], b[3] = byte(number>>8), byte(number)
	return b
}

// receive reads n datagrams or fails.
func receive(tb testing.TB, c *net.UDPConn, n int) [][]byte {
	tb.Helper()
	got := make([][]byte, 0, n)
	buf := make([]byte, 65536)
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	for range n {
		m, err := c.Read(buf)
		if err != nil {
			tb.Fatalf("after %d of %d datagrams: %v", len(got), n, err)
		}
		got = append(got, bytes.Clone(buf[:m]))
	}
	return got
}

// nothing fails when a datagram is waiting. Loopback delivers before a send returns.
func nothing(tb testing.TB, c *net.UDPConn) {
	tb.Helper()
	_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
	if n, err := c.Read(make([]byte, 2000)); err == nil {
		tb.Fatalf("a datagram of %d bytes came too early", n)
	}
}

func modes(t *testing.T, test func(*testing.T, egress.Mode)) {
	for _, mode := range []egress.Mode{egress.Segmented, egress.Multiple, egress.Plain} {
		t.Run(mode.String(), func(t *testing.T) { test(t, mode) })
	}
}

func open(t testing.TB, network, address string, mode egress.Mode) *egress.Conn {
	t.Helper()
	c, err := egress.New(listen(t, network, address), mode)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestBatchesArriveAsTheirPackets(t *testing.T) {
	sizes := map[string][]int{
		"one":                       {900},
		"equal":                     {1000, 1000, 1000, 1000},
		"a picture with a tail":     {1100, 1100, 1100, 300},
		"growing":                   {100, 200, 300, 400},
		"shrinking":                 {400, 300, 200, 100},
		"mixed":                     {1200, 1200, 80, 1200, 40, 40, 1200},
		"more than a batch holds":   equal(200, 100),
		"more than a datagram does": equal(1200, 60),
	}
	for _, family := range []struct{ network, local, remote string }{
		{"udp4", "127.0.0.1:0", "127.0.0.1:0"},
		{"udp6", "[::1]:0", "[::1]:0"},
		{"udp", "[::]:0", "127.0.0.1:0"}, // one socket for both
	} {
		for name, sizes := range sizes {
			t.Run(family.network+" "+name, func(t *testing.T) {
				modes(t, func(t *testing.T, mode egress.Mode) {
					c := open(t, family.network, family.local, mode)
					network := family.network
					if network == "udp" {
						network = "udp4"
					}
					to := listen(t, network, family.remote)
					d := c.Open(port(to))
					defer d.Close()
					for i, n := range sizes {
						if _, err := c.WriteToAddrPort(packet(n, i), port(to)); err != nil {
							t.Fatal(err)
						}
					}
					if err := d.Flush(); err != nil {
						t.Fatal(err)
					}
					for i, got := range receive(t, to, len(sizes)) {
						if !bytes.Equal(got, packet(sizes[i], i)) {
							t.Fatalf("packet %d: %d bytes, number %d", i, len(got), got[3])
						}
					}
					if s := c.Stats(); s.Packets != uint64(len(sizes)) || s.Dropped+s.Failed != 0 {
						t.Errorf("counted %+v", s)
					}
				})
			})
		}
	}
}

func equal(size, n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = size
	}
	return s
}

func TestOnlyMediaToOpenDestinationsWaits(t *testing.T) {
	modes(t, func(t *testing.T, mode egress.Mode) {
		c := open(t, "udp4", "127.0.0.1:0", mode)
		to := listen(t, "udp4", "127.0.0.1:0")
		write := func(b []byte) {
			t.Helper()
			if _, err := c.WriteTo(b, to.LocalAddr()); err != nil {
				t.Fatal(err)
			}
		}
		write(packet(500, 1)) // not open: at once
		receive(t, to, 1)
		d := c.Open(port(to))
		for name, first := range map[string][2]byte{"STUN": {0, 1}, "DTLS": {22, 254}, "RTCP": {0x80, 200}, "RTCP feedback": {0x81, 205}} {
			b := packet(100, 1)
			b[0], b[1] = first[0], first[1]
			write(b)
			if got := receive(t, to, 1); got[0][0] != first[0] {
				t.Errorf("%s: %x", name, got[0][:2])
			}
		}
		write(packet(500, 2))
		nothing(t, to)
		if err := d.Flush(); err != nil {
			t.Fatal(err)
		}
		receive(t, to, 1)
		write(packet(500, 3))
		d.Close() // sends what is left
		receive(t, to, 1)
		d.Close()
		write(packet(500, 4))
		receive(t, to, 1)
	})
}

func TestAnErrorOfOneDestinationIsItsOwn(t *testing.T) {
	modes(t, func(t *testing.T, mode egress.Mode) {
		c := open(t, "udp4", "127.0.0.1:0", mode)
		good := listen(t, "udp4", "127.0.0.1:0")
		bad := netip.MustParseAddrPort("[::1]:9") // an IPv4 socket cannot reach it
		dBad, dGood := c.Open(bad), c.Open(port(good))
		gone := listen(t, "udp4", "127.0.0.1:0") // a viewer that has closed its socket
		dGone := c.Open(port(gone))
		_ = gone.Close()
		for i := range 8 {
			for _, to := range []netip.AddrPort{bad, port(gone), port(good)} {
				_, _ = c.WriteToAddrPort(packet(300, i), to)
			}
		}
		if err := dBad.Flush(); err == nil {
			t.Error("sending to the bad address succeeded: the test shows nothing")
		}
		if err := dBad.Flush(); err != nil {
			t.Errorf("an old error came again: %v", err)
		}
		for range 3 {
			_ = dGone.Flush() // ICMP says connection refused
		}
		if err := dGood.Flush(); err != nil {
			t.Errorf("the good destination got %v", err)
		}
		receive(t, good, 8)
		if s := c.Stats(); s.Failed != 8 {
			t.Errorf("counted %+v, want 8 failed", s)
		}
	})
}

func TestSendersOfDifferentViewersDoNotDisturbEachOther(t *testing.T) {
	c := open(t, "udp4", "127.0.0.1:0", egress.Segmented)
	var senders sync.WaitGroup
	for range 8 {
		to := listen(t, "udp4", "127.0.0.1:0")
		d := c.Open(port(to))
		senders.Go(func() {
			for i := range 200 {
				_, _ = c.WriteToAddrPort(packet(200+i%3, i), port(to))
				if i%7 == 0 {
					_ = d.Flush()
				}
			}
			d.Close()
			for i, got := range receive(t, to, 200) {
				if number := int(got[2])<<8 | int(got[3]); number != i {
					t.Errorf("packet %d came as number %d", number, i)
					return
				}
			}
		})
	}
	senders.Wait()
}

func TestReadGivesPlainIPv4Addresses(t *testing.T) {
	c := open(t, "udp", "[::]:0", egress.Segmented)
	from := listen(t, "udp4", "127.0.0.1:0")
	a, _ := c.LocalAddr().(*net.UDPAddr)
	to := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: a.Port}
	if _, err := from.WriteToUDP([]byte("hello"), to); err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	buf := make([]byte, 100)
	n, addr, err := c.ReadFrom(buf)
	if err != nil || string(buf[:n]) != "hello" || addr.String() != from.LocalAddr().String() {
		t.Errorf("got %q from %v: %v", buf[:n], addr, err)
	}
	_ = c.Close()
	if _, _, err := c.ReadFrom(buf); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestSendingAllocatesNothing(t *testing.T) {
	modes(t, func(t *testing.T, mode egress.Mode) {
		c := open(t, "udp4", "127.0.0.1:0", mode)
		to := listen(t, "udp4", "127.0.0.1:0")
		addr, p := port(to), packet(1000, 1)
		d := c.Open(addr)
		n := testing.AllocsPerRun(200, func() {
			for range 10 {
				_, _ = c.WriteToAddrPort(p, addr)
			}
			_ = d.Flush()
		})
		if n != 0 {
			t.Errorf("a batch allocates %v times, want 0", n)
		}
	})
}

// BenchmarkBatch is what a picture of so many packets costs to send, per packet.
// Nobody reads: what a receiver costs is not counted.
func BenchmarkBatch(b *testing.B) {
	for _, mode := range []egress.Mode{egress.Segmented, egress.Multiple, egress.Plain} {
		for _, packets := range []int{1, 10, 40} {
			b.Run(fmt.Sprintf("%v/packets=%d", mode, packets), func(b *testing.B) {
				c := open(b, "udp4", "127.0.0.1:0", mode)
				to := listen(b, "udp4", "127.0.0.1:0")
				addr, p := port(to), packet(1100, 1)
				d := c.Open(addr)
				b.ReportAllocs()
				b.SetBytes(int64(packets * len(p)))
				for b.Loop() {
					for range packets {
						_, _ = c.WriteToAddrPort(p, addr)
					}
					_ = d.Flush()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*packets), "ns/packet")
			})
		}
	}
}
