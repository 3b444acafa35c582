package peer

import "errors"

// Policy says by which paths clients may reach us.
type Policy uint8

// The policies, named like a browser's iceTransportPolicy.
const (
	PolicyAll   Policy = iota // all that there are
	PolicyRelay               // through a TURN server only
)

// String returns the policy as operators write it.
func (p Policy) String() string {
	if p == PolicyRelay {
		return "relay"
	}
	return "all"
}

// ParsePolicy reads what String writes.
func ParsePolicy(text string) (Policy, error) {
	for _, p := range []Policy{PolicyAll, PolicyRelay} {
		if text == p.String() {
			return p, nil
		}
	}
	return 0, errors.New("want all or relay")
}
