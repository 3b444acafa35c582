package peer

import "net/netip"

// admit lets packets of a client in at our TURN server that has told no address of its
// own: media come, as a rule, from where the offer came from. It does not wait.
func (e *Engine) admit(client netip.Addr) {
	if r := e.relay.Current(); r != nil && client.IsValid() {
		r.Allocation.Permit(client)
	}
}

// Relay returns where a TURN server receives for us, and the server; ok is false while
// there is none.
func (e *Engine) Relay() (addr netip.AddrPort, server string, ok bool) {
	r := e.relay.Current()
	if r == nil {
		return netip.AddrPort{}, "", false
	}
	return r.Addr, r.Server, true
}
