package broadcast

import (
	"github.com/pion/rtcp"

	"porthole/internal/broadcast/choice"
	"porthole/internal/broadcast/pace"
)

const (
	// noticesPerSecond and noticesBurst bound how often a viewer is told of its bounds:
	// a request has many entries, and each answer is larger than one.
	noticesPerSecond = 4
	noticesBurst     = 8
)

// limitRate takes a viewer's TMMBR and answers it with the bounds that hold now (RFC 5104
// section 4.2.2). A connection has one receiver, whose newest word counts.
func (v *Viewer) limitRate(packet []byte, now int64) {
	owner, entries, ok := pace.ParseTMMBR(packet)
	if !ok {
		return
	}
	for _, e := range entries {
		t := v.bySSRC(e.SSRC)
		if t == nil {
			continue
		}
		t.rateLimit, t.checked = t.rateLimit.Changed(e, now), 0
		if !v.notices.Take(now, 1, noticesPerSecond, noticesBurst) {
			continue // who is not told asks again
		}
		err := v.sink.WriteRTCP([]rtcp.Packet{
			&rtcp.ReceiverReport{SSRC: e.SSRC},
			rtcp.NewCNAMESourceDescription(e.SSRC, v.cname),
			pace.FormatNotification(e.SSRC, owner, e),
		})
		if err != nil {
			v.stats.drop(DropWriteError, 1)
		}
	}
}

// starved says whether a picture is missing because the viewer does not want it.
func (t *track) starved() bool { return t.rateLimit != nil && t.gated }

// need returns the bits per second that it takes to send an encoding, with the
// headers that the viewer counts.
func (t *track) need(c choice.Candidate) uint64 {
	if t.rateLimit == nil || t.packets == 0 || t.octets == 0 {
		return c.Rate
	}
	return uint64(float64(c.Rate) * (1 + float64(t.rateLimit.Overhead)*float64(t.packets)/float64(t.octets)))
}

// held says whether the viewer's bound keeps the gate closed, and when to look
// again. What comes meanwhile is not for the viewer: it would be too much again.
func (t *track) held(now int64) (due int64, held bool) {
	if t.rateLimit == nil {
		return 0, false
	}
	if due, held = t.rateLimit.Holds(now, t.layer.video); held {
		t.from = t.layer.ring.Head()
	}
	return due, held
}
