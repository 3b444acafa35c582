package sockets_test

import (
	"errors"
	"net"
	"os"
	"strings"
	"testing"

	"porthole/internal/sockets"
)

func TestPairHasOnePort(t *testing.T) {
	loopback := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}
	udp, tcp, err := sockets.ListenPair(loopback, "media")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = udp.Close() }()
	defer func() { _ = tcp.Close() }()
	addr := sockets.LocalAddr(udp)
	if got := tcp.Addr().String(); got != addr.String() {
		t.Errorf("UDP is at %v, TCP at %v", addr, got)
	}
	taken := net.UDPAddrFromAddrPort(addr)
	if _, _, err := sockets.ListenPair(taken, "media"); err == nil || !strings.Contains(err.Error(), "listen for media over TCP") {
		t.Errorf("a taken port: %v", err)
	}
	_ = tcp.Close() // UDP is taken still
	if _, _, err := sockets.ListenPair(taken, "media"); err == nil || !strings.Contains(err.Error(), "listen for media over UDP") {
		t.Errorf("a port that is taken for UDP: %v", err)
	}
	if again, err := net.ListenTCP("tcp", &net.TCPAddr{IP: taken.IP, Port: taken.Port}); err != nil {
		t.Errorf("its TCP port stayed taken: %v", err)
	} else {
		_ = again.Close()
	}
}

func TestReadOutlivesErrors(t *testing.T) {
	stray := errors.New("connection refused")
	results := []error{stray, stray, nil, stray, nil}
	reads := 0
	err := sockets.Read(func() (bool, error) {
		reads++
		return reads == 3, results[reads-1] // the third packet is not for the caller
	})
	if err != nil || reads != 5 {
		t.Errorf("after %d reads: %v", reads, err)
	}
}

func TestReadEnds(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		err   error
		reads int
	}{{net.ErrClosed, 1}, {os.ErrDeadlineExceeded, 1}, {broken, 100}} {
		reads := 0
		err := sockets.Read(func() (bool, error) {
			reads++
			return false, tt.err
		})
		if !errors.Is(err, tt.err) || reads != tt.reads {
			t.Errorf("%v after %d reads, want %v after %d", err, reads, tt.err, tt.reads)
		}
	}
}
