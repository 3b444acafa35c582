//go:build !linux

package egress

import (
	"net"
	"net/netip"
)

// system is the socket where the kernel has nothing for batches.
type system struct{ ipv6 bool }

func newSystem(udp *net.UDPConn) (system, error) {
	a, ok := udp.LocalAddr().(*net.UDPAddr)
	return system{ipv6: ok && a.IP.To4() == nil}, nil
}

func (system) probe() Mode { return Plain }

// reach returns addr in the form that a write to this socket takes.
func (s system) reach(addr netip.AddrPort) netip.AddrPort {
	if s.ipv6 && addr.Addr().Is4() {
		return netip.AddrPortFrom(netip.AddrFrom16(addr.Addr().As16()), addr.Port())
	}
	return addr
}

// target needs no preparation here.
type target struct{}

func (system) target(netip.AddrPort) target { return target{} }

// transmit writes one packet after another.
func (d *Destination) transmit() (sent int, err error) {
	for sent < d.count {
		if _, err := d.conn.udp.WriteToUDPAddrPort(d.segment(sent), d.conn.os.reach(d.addr)); err != nil {
			return sent, err
		}
		sent++
	}
	return sent, nil
}
