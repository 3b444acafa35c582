//go:build !linux

package egress

import (
	"net"
	"net/netip"
)

// system is the socket where the kernel has nothing for batches.
type system struct {
	udp  *net.UDPConn
	ipv6 bool
}

func newSystem(udp *net.UDPConn) (system, error) {
	a, ok := udp.LocalAddr().(*net.UDPAddr)
	return system{udp: udp, ipv6: ok && a.IP.To4() == nil}, nil
}

func (system) probe() Mode { return Plain }

// write sends one datagram.
func (s system) write(b []byte, addr netip.AddrPort) (int, error) {
	if s.ipv6 && addr.Addr().Is4() {
		addr = netip.AddrPortFrom(netip.AddrFrom16(addr.Addr().As16()), addr.Port())
	}
	return s.udp.WriteToUDPAddrPort(b, addr)
}

// target needs no preparation here.
type target struct{}

func (system) target(netip.AddrPort) target { return target{} }

// transmit writes one packet after another.
func (d *Destination) transmit() (sent int, err error) {
	for sent < d.count {
		if _, err := d.conn.os.write(d.segment(sent), d.addr); err != nil {
			return sent, err
		}
		sent++
	}
	return sent, nil
}
