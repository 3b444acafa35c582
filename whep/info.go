package whep

import (
	"porthole/internal/bandwidth"
	"porthole/internal/broadcast"
	"porthole/internal/sessioninfo"
)

// viewerInfo puts a viewer's numbers into the form of the API.
func viewerInfo(s broadcast.ViewerStats) *sessioninfo.Viewer {
	info := &sessioninfo.Viewer{
		Packets: s.Packets, Bytes: s.Bytes, Resent: s.Resent, NACKs: s.NACKs, PLIs: s.PLIs,
		Dropped:      make(map[string]uint64),
		RTT:          float64(s.RTT.Microseconds()) / 1000,
		FractionLost: s.FractionLost,
		RID:          s.RID, AwaitsKeyframe: s.AwaitsKeyframe, Probes: s.Probes, Network: network(s),
	}
	for _, reason := range broadcast.DropReasons() {
		if n := s.Drops[reason]; n > 0 {
			info.Dropped[reason.String()] = n
		}
	}
	return info
}

// network puts what a viewer knows of its path into the form of the API.
func network(s broadcast.ViewerStats) sessioninfo.Network {
	n := sessioninfo.Network{
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
