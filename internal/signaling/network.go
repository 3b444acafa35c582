package signaling

import (
	"porthole/internal/bandwidth"
	"porthole/internal/broadcast"
)

// eventNetwork tells how the path to the viewer is, and what that means for its picture: Network. It is ours, and not one of WHEP's.
const eventNetwork = "network"

// Network is what is known of the path to a viewer, and of what it is sent for that reason.
type Network struct {
	State string `json:"state"` // "steady", "early-warning" or "congested"
	// LimitedBy says what holds the picture down: "queue", "loss", "remb" (the client's own estimate), "silence" (no
	// feedback), or "probing" after one of those; left out when nothing does.
	LimitedBy string `json:"limitedBy,omitempty"`
	Estimate  uint64 `json:"estimate,omitempty"` // bits per second that the path carries; left out while it has carried everything
	Needs     uint64 `json:"needs,omitempty"`    // bits per second that the picture takes at least, with the sound
	Fits      bool   `json:"fits"`               // the path carries that
	Queue     int64  `json:"queueMs,omitempty"`  // milliseconds that packets wait in the path
	RID       string `json:"rid,omitempty"`      // of the encoding that is sent, with several
	Width     int    `json:"width,omitempty"`    // pixels
	Height    int    `json:"height,omitempty"`
	// Temporal is the highest temporal layer that is sent, from 0, of TemporalLayers; left out when there is one.
	Temporal       *int `json:"temporal,omitempty"`
	TemporalLayers int  `json:"temporalLayers,omitempty"`
}

// NewNetwork puts what a viewer knows of its path into the form of the API.
func NewNetwork(s broadcast.ViewerStats) Network {
	n := Network{
		State: s.Network.State.String(), Estimate: s.Network.Estimate, Needs: s.Network.Needs, Fits: s.Network.Fits,
		Queue: s.Network.Queue.Milliseconds(), RID: s.RID, Width: s.Network.Width, Height: s.Network.Height,
	}
	if s.Network.Limit != bandwidth.ByApplication {
		n.LimitedBy = s.Network.Limit.String()
	}
	if s.Network.Temporals > 1 {
		n.Temporal, n.TemporalLayers = &s.Network.Temporal, s.Network.Temporals
	}
	return n
}

// Networked may be implemented by an Observable that knows the path to its viewer. Any goroutine may
// call it as long as the session is there.
type Networked interface{ Network() Network }

// networkTold is how far a player knows the path.
type networkTold struct {
	told bool
	last Network
}

// news says whether what is known now is worth an event: what changes what a viewer sees or would be told, not each
// wobble of the estimate.
func (t *networkTold) news(now Network) bool {
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
