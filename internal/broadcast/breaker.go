package broadcast

import (
	"math"
	"time"

	"github.com/pion/rtcp"
)

// breakerTime is how long a path has to be hopeless before sending stops. The RTP
// circuit breakers count a few reporting intervals; players report every second,
// and a tunnel on the way home is longer than a few of those.
const breakerTime = 15 * time.Second

// breakerFactor is by how much a viewer's stream may be above what TCP would send
// on the same path (RFC 8083 section 4.3).
const breakerFactor = 10

// breaker says when to stop sending to a viewer because it does harm (RFC 8083): the
// network carries a small part of it, or nothing arrives at all. It is the last
// resort, far beyond what a viewer puts up with: skipping and pacing come before
// it. A viewer who stops reporting is ended by the loss of ICE consent.
type breaker struct {
	congested int64  // since when every report has told of it; 0: the last one did not
	arrived   int64  // when a report last told of packets that arrived
	highest   uint32 // the sequence number that it told
	sent      uint64 // packets that had been sent by then
}

// path is what a report is judged by.
type path struct {
	now       int64
	rtt       time.Duration // 0: unknown
	sent      uint64        // packets so far
	octets    uint64        // payload bytes so far
	byteRate  float64       // bytes per second that are being sent
	reception rtcp.ReceptionReport
}

// judge takes a report and returns why sending has to stop, nil to go on.
func (b *breaker) judge(p path) error {
	if b.arrived == 0 || p.reception.LastSequenceNumber != b.highest || p.sent == b.sent {
		// Something arrived, or nothing was sent that could have.
		b.arrived, b.highest, b.sent = p.now, p.reception.LastSequenceNumber, p.sent
	}
	if p.now-b.arrived >= int64(breakerTime) {
		return ErrNothingArrives
	}
	if p.byteRate <= breakerFactor*tcpRate(p) {
		b.congested = 0
		return nil
	}
	if b.congested == 0 {
		b.congested = p.now
	}
	if p.now-b.congested >= int64(breakerTime) {
		return ErrCongested
	}
	return nil
}

// tcpRate returns the bytes per second that TCP would send on a path, by the
// simplified equation of RFC 8083 section 4.3; infinity when nothing is lost or the
// round trip is not known.
func tcpRate(p path) float64 {
	lost := float64(p.reception.FractionLost) / 256
	if lost == 0 || p.rtt <= 0 || p.sent == 0 {
		return math.Inf(1)
	}
	size := float64(p.octets) / float64(p.sent)
	return size / (p.rtt.Seconds() * math.Sqrt(lost*2/3))
}
