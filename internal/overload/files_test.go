package overload

import (
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// One client, however many addresses of its network it has, leaves room for others.
func TestClientHasAShareOfTheFiles(t *testing.T) {
	for name, tt := range map[string]struct {
		files, most int // of the process, and of a client
		address     func(i int) netip.Addr
		want        int
	}{
		"the limit":              {0, 10, func(int) netip.Addr { return netip.MustParseAddr("192.0.2.1") }, 10},
		"a share of few files":   {reserved + spare + 120, 100, func(int) netip.Addr { return netip.MustParseAddr("192.0.2.1") }, 30},
		"a share of very few":    {64, 100, func(int) netip.Addr { return netip.MustParseAddr("192.0.2.1") }, 8},
		"one even of none":       {10, 100, func(int) netip.Addr { return netip.MustParseAddr("192.0.2.1") }, 1},
		"a network of IPv6":      {0, 10, func(i int) netip.Addr { return netip.AddrFrom16([16]byte{0x20, 1, 15: byte(i)}) }, 10},
		"no limit":               {0, 0, func(int) netip.Addr { return netip.MustParseAddr("192.0.2.1") }, 100},
		"a proxy brings many":    {0, 10, func(int) netip.Addr { return netip.MustParseAddr("10.0.0.1") }, 100},
		"the same, mapped":       {0, 10, func(int) netip.Addr { return netip.MustParseAddr("::ffff:10.0.0.1") }, 100},
		"many clients, no limit": {0, 10, func(i int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}) }, 100},
	} {
		t.Run(name, func(t *testing.T) {
			files := filesOf(tt.files)
			files.LimitClients(tt.most, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
			room := 0
			for i := range 100 {
				if files.Take(tt.address(i)) {
					room++
				}
			}
			if room != tt.want {
				t.Errorf("room for %d, want %d", room, tt.want)
			}
			for i := range 100 {
				files.Give(tt.address(i))
			}
			if len(files.clients) != 0 || files.open.Load() != 0 {
				t.Errorf("still counted after all are gone: %v, %d", files.clients, files.open.Load())
			}
			if !files.Take(tt.address(0)) {
				t.Error("no room after all are gone")
			}
		})
	}
}

// Clients that take all they can leave something for the next one, and it is not two or
// three of them that use up the files.
func TestManyClientsTogetherLeaveRoom(t *testing.T) {
	const attackers = 12
	files := filesOf(64)
	files.LimitClients(DefaultMaxOfClient, nil)
	client := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}) }
	for i := range attackers {
		for range 40 {
			if !files.Take(client(i)) {
				files.Give(client(i)) // as it is when the connection is closed
			}
		}
	}
	t.Logf("%d clients have %d of %d connections", attackers, files.open.Load(), files.most)
	if !files.Take(client(attackers)) {
		t.Errorf("no room for one more: %d clients have %d of %d connections", attackers, files.open.Load(), files.most)
	}
}

// What a client opens beyond its share is closed and keeps nothing.
func TestConnectionsBeyondAShareAreClosed(t *testing.T) {
	const most, tries = 5, 100
	files := filesOf(0)
	files.LimitClients(most, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	limited := files.Listener(l)
	accepted := make(chan net.Conn, tries)
	var accepting sync.WaitGroup
	accepting.Go(func() {
		defer close(accepted)
		for {
			c, err := limited.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	})
	for range tries {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close() //nolint:revive // all of them at the end
	}
	// The last one has been looked at when all are counted or refused.
	for deadline := time.Now().Add(10 * time.Second); files.Refused.Load() < tries-most; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d refused after 10 s, want %d", files.Refused.Load(), tries-most)
		}
	}
	_ = l.Close()
	accepting.Wait()
	var kept int
	for c := range accepted {
		kept++
		_ = c.Close()
	}
	if kept != most+spareOfClient {
		t.Errorf("%d connections were taken, want %d and %d to be refused", kept, most, spareOfClient)
	}
}
