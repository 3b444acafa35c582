package peer

import (
	"net/netip"

	"porthole/internal/reach"
)

// ExplainAddrs says of each address of this machine whether clients of an engine with
// this configuration are told of it, and why not. Nothing is listened on. Errors wrap
// ErrConfig when a setting is at fault.
func ExplainAddrs(cfg Config) ([]reach.InterfaceAddr, error) {
	set, err := cfg.check()
	if err != nil {
		return nil, err
	}
	interfaces, err := reach.SystemInterfaces()
	if err != nil {
		return nil, err
	}
	named, _ := netip.AddrFromSlice(set.media.IP)
	return reach.Explain(interfaces, named.Unmap(), set.choice, reach.OutgoingAddrs()), nil
}
