// Package report is what reports of a viewer say: how a track arrives ([Reception]), and when sending
// it has to stop, because it does harm ([Breaker]). It is pure: no clock, no locks.
package report

import (
	"time"

	"github.com/pion/rtcp"
)

// maxRTT is the longest round trip that is believed, in 1/65536 s: more is what the
// setting of a clock looks like.
const maxRTT = 10 << 16

// Reception is what a viewer tells of a track it receives.
type Reception struct {
	last         uint32 // middle 32 bits of the NTP time of the last sender report
	FractionLost float64
	lost         uint32
	jitter       uint32 // in timestamp units
	RTT          time.Duration
}

// Reported notes a sender report that was sent.
func (r *Reception) Reported(ntp uint64) { r.last = middle(ntp) }

// Received takes a report block (RFC 3550 section 6.4.1). The round trip is the
// time since our report without the time that the viewer held it.
func (r *Reception) Received(block rtcp.ReceptionReport, now uint64) {
	r.FractionLost = float64(block.FractionLost) / 256
	r.lost = block.TotalLost
	r.jitter = block.Jitter
	if block.LastSenderReport == 0 || r.last == 0 {
		return
	}
	if rtt := int32(middle(now) - block.LastSenderReport - block.Delay); rtt >= 0 && rtt < maxRTT { //nolint:gosec // wraps
		r.RTT = time.Duration(rtt) * time.Second / (1 << 16)
	}
}

// middle returns the middle 32 bits of an NTP time, in 1/65536 s.
func middle(ntp uint64) uint32 { return uint32(ntp >> 16) } //nolint:gosec // as RFC 3550 defines it
