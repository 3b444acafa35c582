// Package sockets opens and reads what two servers listen on in the same way: that of media
// and that of TURN. It knows no packets.
package sockets

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
)

// pairAttempts is how many free ports of one protocol are tried for one that is free in the
// other, too.
const pairAttempts = 16

// ListenPair binds a UDP and a TCP socket with the same port number, a free one when that of
// addr is 0. purpose is for errors: "media".
func ListenPair(addr *net.UDPAddr, purpose string) (*net.UDPConn, *net.TCPListener, error) {
	attempts := 1
	if addr.Port == 0 {
		attempts = pairAttempts
	}
	var last error
	for range attempts {
		tcp, err := net.ListenTCP("tcp", &net.TCPAddr{IP: addr.IP, Port: addr.Port, Zone: addr.Zone})
		if err != nil {
			return nil, nil, fmt.Errorf("listen for %s over TCP: %w", purpose, err)
		}
		port := tcp.Addr().(*net.TCPAddr).Port // what ListenTCP returns
		udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: addr.IP, Port: port, Zone: addr.Zone})
		if err == nil {
			return udp, tcp, nil
		}
		last = errors.Join(err, tcp.Close())
	}
	return nil, nil, fmt.Errorf("listen for %s over UDP: %w", purpose, last)
}

// LocalAddr returns the address of a socket for UDP, an IPv4 one in its short form.
func LocalAddr(conn net.PacketConn) netip.AddrPort {
	addr := conn.LocalAddr().(*net.UDPAddr).AddrPort() // what ListenUDP returns
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
}

// maxReadErrors is how many reads in a row may fail before a socket counts as broken.
const maxReadErrors = 100

// Read reads a packet, and goes on after errors that are not the end: one stray ICMP message
// or a moment without memory must not end a server. read returns again for a packet that
// is not to be returned. The error is the one that ended it: net.ErrClosed,
// os.ErrDeadlineExceeded, or the last of too many.
func Read(read func() (again bool, err error)) error {
	var last error
	for failed := 0; failed < maxReadErrors; {
		again, err := read()
		switch {
		case err == nil && again:
			continue
		case err == nil || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded):
			return err
		}
		failed++
		last = err
	}
	return last
}
