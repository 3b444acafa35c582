//go:build !linux

package egress

import "net/netip"

// inbox is empty where datagrams are read one by one.
type inbox struct{}

func newInbox() *inbox { return &inbox{} }

func (c *Conn) read(b []byte) (int, netip.AddrPort, error) { return c.udp.ReadFromUDPAddrPort(b) }
