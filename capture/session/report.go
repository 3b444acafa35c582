package session

import (
	"time"

	"porthole/capture/publish"
)

// reportInterval is how often a track tells how its timestamps map to capture time.
const reportInterval = time.Second

// reporter tells a track, at once and then every reportInterval, which RTP timestamp belongs to which capture time,
// so that sound and pictures can be played together.
type reporter struct {
	track publish.Track
	last  time.Time
}

func (r *reporter) at(capturedAt time.Time, rtpTime uint32) {
	if !r.last.IsZero() && capturedAt.Sub(r.last) < reportInterval {
		return
	}
	r.last = capturedAt
	r.track.SenderReport(capturedAt, rtpTime)
}
