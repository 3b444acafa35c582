package report

import (
	"errors"
	"math"
	"time"

	"github.com/pion/rtcp"
)

// Why sending stops.
var (
	// ErrCongested means that the network carries so little of what is sent that sending
	// harms others (RFC 8083 section 4.3).
	ErrCongested = errors.New("the network to the viewer carries too little of the stream")
	// ErrNothingArrives means that the viewer reports, but receives nothing (RFC 8083 section 4.1).
	ErrNothingArrives = errors.New("nothing of the stream arrives at the viewer")
)

// breakerTime is how long a path has to be hopeless before sending stops. The RTP
// circuit breakers count a few reporting intervals; players report every second,
// and a tunnel on the way home is longer than a few of those.
const breakerTime = 15 * time.Second

// breakerFactor is by how much a viewer's stream may be above what TCP would send
// on the same path (RFC 8083 section 4.3).
const breakerFactor = 10

// Breaker says when to stop sending to a viewer because it does harm (RFC 8083): the
// network carries a small part of it, or nothing arrives at all. It is the last
// resort, far beyond what a viewer puts up with: skipping and pacing come before
// it. A viewer who stops reporting is ended by the loss of ICE consent.
type Breaker struct {
	congested int64  // since when every report has told of it; 0: the last one did not
	arrived   int64  // when a report last told of packets that arrived
	highest   uint32 // the sequence number that it told
	sent      uint64 // packets that had been sent by then
}

// Path is what a report is judged by.
type Path struct {
	Now       int64
	RTT       time.Duration // 0: unknown
	Sent      uint64        // packets so far
	Octets    uint64        // payload bytes so far
	ByteRate  float64       // bytes per second that are being sent
	Reception rtcp.ReceptionReport
}

// Judge takes a report and returns why sending has to stop, nil to go on.
func (b *Breaker) Judge(p Path) error {
	if b.arrived == 0 || p.Reception.LastSequenceNumber != b.highest || p.Sent == b.sent {
		// Something arrived, or nothing was sent that could have.
		b.arrived, b.highest, b.sent = p.Now, p.Reception.LastSequenceNumber, p.Sent
	}
	if p.Now-b.arrived >= int64(breakerTime) {
		return ErrNothingArrives
	}
	if p.ByteRate <= breakerFactor*tcpRate(p) {
		b.congested = 0
		return nil
	}
	if b.congested == 0 {
		b.congested = p.Now
	}
	if p.Now-b.congested >= int64(breakerTime) {
		return ErrCongested
	}
	return nil
}

// tcpRate returns the bytes per second that TCP would send on a path, by the
// simplified equation of RFC 8083 section 4.3; infinity when nothing is lost or the
// round trip is not known.
func tcpRate(p Path) float64 {
	lost := float64(p.Reception.FractionLost) / 256
	if lost == 0 || p.RTT <= 0 || p.Sent == 0 {
		return math.Inf(1)
	}
	size := float64(p.Octets) / float64(p.Sent)
	return size / (p.RTT.Seconds() * math.Sqrt(lost*2/3))
}
