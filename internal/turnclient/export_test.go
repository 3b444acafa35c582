package turnclient

import "github.com/pion/stun/v4"

// GiveBack makes the server forget the allocation behind its owner's back.
func (a *Allocation) GiveBack() error {
	return a.transact(stun.MethodRefresh, lifetime(0))
}
