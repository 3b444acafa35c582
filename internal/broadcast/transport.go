package broadcast

import (
	"time"

	"porthole/internal/bandwidth"
	"porthole/internal/broadcast/pace"
	"porthole/internal/codec"
)

const (
	// constrainedBurst is how long the packets of a burst take on a path that is known to be narrow.
	constrainedBurst = 10 * time.Millisecond
	// leastBurst is how many bytes leave at once even so, if they take no longer than longestBurst.
	leastBurst   = 2 * 1200.0
	longestBurst = 20 * time.Millisecond
	// constrainedResends is the share of a narrow path that packets sent again may take.
	constrainedResends = 0.2
	// sampleEvery is how often a picture is numbered on a path that carries everything, so that somebody reports on it, and
	// lostLately for how long after a loss all are.
	sampleEvery = 250 * time.Millisecond
	lostLately  = 3 * time.Second
	// probeStep is how far apart the packets of a probe are gathered, so that not each is a wake-up.
	probeStep = 5 * time.Millisecond
)

// transport is the path to a viewer: it numbers what is sent over all tracks and their
// retransmissions, in the order in which they leave, hears of it by those numbers
// (draft-holmer-rmcat-transport-wide-cc-extensions-01), and says how fast
// pictures may leave. It is guarded by Viewer.serving.
//
// It is the one place that sees each packet leave and each report on it come back.
type transport struct {
	estimator bandwidth.Estimator
	verdict   bandwidth.Verdict // the latest
	pacer     pace.Pacer        // of pictures and of what is sent again; sound does not wait
	// probes says that there is something to probe with: packets can be sent again in
	// packets of another source.
	probes bool
	probe  probe
	// unheard says that feedback is still to come. Until then, what is behind the first picture need not
	// come as fast as it can: on a narrow path it would all get lost.
	unheard bool
	// numbering says that packets are numbered: all, or those of a picture and the sound beside it.
	numbering bool
	numbered  int64  // when one with a number was last sent
	missed    int64  // when the viewer last missed a packet
	wanted    uint64 // bits per second that the next better choice takes; 0: there is none
	// revised says that the verdict asks for another choice.
	revised bool
}

// probe is what is left of a probe that the estimator has asked for.
type probe struct {
	bytes int
	rate  float64 // bytes per second
	next  int64   // when more of it may leave
}

// next returns the number of the next packet, which stays the same until one was sent.
func (n *transport) next() uint16 { return n.estimator.Next() }

// sample decides at the begin of a picture whether it is numbered. On a path that is known to carry
// everything only one in a while is: a receiver reports on what is numbered, twenty times a second on all of it, which
// costs a quarter of what serving it costs otherwise.
func (n *transport) sample(now int64) {
	n.numbering = now-n.numbered >= int64(sampleEvery) || n.probe.bytes > 0 ||
		n.missed != 0 && now-n.missed < int64(lostLately) || !n.estimator.Relaxed(now)
}

// sent notes that a packet left, with the next number or without one, and takes size bytes.
func (n *transport) sent(size int, numbered bool, now int64) {
	if numbered {
		n.estimator.Sent(size, now)
		n.numbered = now
	} else {
		n.estimator.Skip(size)
	}
	if n.probe.bytes > 0 { // whatever is sent meanwhile is part of it
		n.probe.bytes -= size
		n.probe.next += int64(float64(size) / n.probe.rate * 1e9)
	}
}

// feedback takes transport-wide feedback.
func (n *transport) feedback(fci []byte, now int64) {
	if n.probes && n.estimator.Feedback(fci, now) == nil {
		n.unheard = false
		n.judge()
	}
}

// judge looks at the verdict again, and notes whether it is worse or better than the one before by so
// much that the choice has to be thought about.
func (n *transport) judge() {
	before := n.verdict
	n.verdict = n.estimator.Verdict()
	if n.verdict.State != before.State || n.verdict.Limit != before.Limit || n.verdict.Budget*10 < before.Budget*9 {
		n.revised = true
	}
}

// constrained says whether the path is known to carry no more than the budget.
func (n *transport) constrained() bool {
	return n.verdict.State != bandwidth.Steady || n.verdict.Limit != bandwidth.ByApplication
}

// pace returns how fast a stream of the given bit rate may be sent, in bytes per second, and
// how many bytes may leave at once.
func (n *transport) pace(bitsPerSecond uint64) (rate, burst float64) {
	rate = pace.For(bitsPerSecond)
	carries := float64(n.verdict.Pace) / 8
	if n.unheard && n.verdict.Budget != 0 {
		return min(rate, float64(n.verdict.Budget)/8), pace.Burst
	}
	if carries == 0 || carries >= rate {
		return rate, pace.Burst
	}
	burst = max(carries*constrainedBurst.Seconds(), min(leastBurst, carries*longestBurst.Seconds()))
	return carries, min(burst, pace.Burst)
}

// beginProbe asks the estimator whether it is time for a probe, and tells it when nothing
// better is left to probe for.
func (n *transport) beginProbe(now int64) {
	if !n.probes || n.probe.bytes > 0 {
		return
	}
	if c, ok := n.estimator.Probe(n.wanted, now); ok {
		n.probe = probe{bytes: c.Bytes, rate: float64(c.Rate) / 8, next: n.pacer.Empty(now)} // not on top of a picture
	}
}

// HandleTransportFeedback takes the transport-wide feedback of a viewer who agreed on it:
// what follows the two SSRCs in its packet (section 3.1 of the draft), which may end with
// padding. It keeps nothing of it. Any goroutine may call it.
func (v *Viewer) HandleTransportFeedback(fci []byte) {
	now := v.stream.b.clock.now()
	v.serving.Lock()
	defer v.serving.Unlock()
	defer v.endOnPanic()
	if v.stopped {
		return
	}
	v.stats.feedbacks.Add(1)
	v.transport.feedback(fci, now)
}

// probePath sends the packets of a probe whose time has come, and returns when the next ones are to
// leave; 0: there is none.
func (v *Viewer) probePath(now int64, s *scratch) (wrote int, due int64) {
	n, t := &v.transport, v.tracks[codec.Video]
	if t == nil || t.layer == nil || t.gated {
		return 0, 0
	}
	n.beginProbe(now)
	for n.probe.bytes > 0 {
		if n.probe.next > now {
			return wrote, max(n.probe.next, now+int64(probeStep))
		}
		size := t.repeat(v, wrote, now, s)
		if size == 0 {
			n.probe.bytes = 0 // nothing to probe with: the estimator gives it up
			break
		}
		wrote++
	}
	return wrote, 0
}
