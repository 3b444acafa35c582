package signaling

import "porthole/internal/sessioninfo"

// eventNetwork tells how the path to the viewer is, and what that means for its picture: sessioninfo.Network. It is ours, and not one of WHEP's.
const eventNetwork = "network"

// Networked may be implemented by an Observable that knows the path to its viewer. Any goroutine may
// call it as long as the session is there.
type Networked interface{ Network() sessioninfo.Network }

// knownNetwork is how far a player knows the path.
type knownNetwork struct {
	told bool
	last sessioninfo.Network
}

// news says whether what is known now is worth an event: what changes what a viewer sees or would be told, not each
// wobble of the estimate.
func (t *knownNetwork) news(now sessioninfo.Network) bool {
	before := t.last
	same := t.told && before.State == now.State && before.LimitedBy == now.LimitedBy && before.Fits == now.Fits &&
		before.RID == now.RID && before.Height == now.Height && level(before.Temporal) == level(now.Temporal) &&
		near(before.Estimate, now.Estimate) && near(before.Needs, now.Needs)
	if same {
		return false
	}
	t.told, t.last = true, now
	return true
}

func level(layer *int) int {
	if layer == nil {
		return -1
	}
	return *layer
}

// near says whether two rates are less than a tenth apart.
func near(a, b uint64) bool { return a*10 >= b*9 && b*10 >= a*9 }
