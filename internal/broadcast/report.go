package broadcast

import (
	"time"

	"github.com/pion/rtcp"

	"porthole/internal/broadcast/report"
	"porthole/internal/codec"
	"porthole/internal/ntp"
)

// reportEvery is how often a viewer gets sender reports: the clocks that they tie
// together are the same crystal's, and 5 s is the usual interval (RFC 3550 section 6.2).
const reportEvery = 2500 * time.Millisecond

// report sends sender reports for the tracks that are due, each in a compound
// packet with the CNAME (RFC 3550 section 6.1). The reports tie both tracks'
// timestamps to one clock, from which a player keeps sound and picture in step.
func (v *Viewer) report(now int64) {
	followed := false
	for _, t := range v.tracks {
		if t == nil || t.packets == 0 || t.gated || now < t.nextReport {
			continue
		}
		in, ok := t.layer.timestampAt(now)
		if !ok {
			continue
		}
		t.nextReport = now + int64(reportEvery)
		if !followed { // once, so that the reports of both tracks are of one clock
			followed = true
			v.stream.b.clock.follow()
		}
		at := ntp.Timestamp(v.stream.b.clock.wall(now))
		t.reception.Reported(at)
		err := v.sink.WriteRTCP([]rtcp.Packet{
			&rtcp.SenderReport{
				SSRC: t.cfg.SSRC, NTPTime: at, RTPTime: t.rewriter.Timestamp(in),
				PacketCount: uint32(t.packets), OctetCount: uint32(t.octets), //nolint:gosec // both wrap
			},
			rtcp.NewCNAMESourceDescription(t.cfg.SSRC, v.cname),
		})
		if err != nil {
			v.stats.drop(DropWriteError, 1)
		}
	}
}

// HandleRTCP takes a viewer's feedback: NACK, PLI, FIR, TMMBR, REMB and receiver reports.
// Everything else is left alone. Any goroutine may call it.
func (v *Viewer) HandleRTCP(pkts []rtcp.Packet) {
	if v.handle(pkts, v.stream.b.clock.now()) {
		v.poke()
	}
}

// handle does what the feedback asks for and says whether something is to be sent
// again. A panic in it ends the viewer, as one in sending does.
func (v *Viewer) handle(pkts []rtcp.Packet, now int64) (resend bool) {
	v.serving.Lock()
	defer v.serving.Unlock()
	defer v.endOnPanic()
	if v.stopped {
		return false // its sink is nobody's any more
	}
	for _, p := range pkts {
		switch p := p.(type) {
		case *rtcp.TransportLayerNack:
			v.stats.nacks.Add(1)
			if t := v.bySSRC(p.MediaSSRC); t != nil {
				t.nacked(p.Nacks)
				v.transport.missed = now
				resend = resend || len(t.resend) > 0
			}
		case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
			v.stats.plis.Add(1)
			if t := v.tracks[codec.Video]; t != nil && t.layer != nil && !t.beginning(now) {
				t.asks.ask(t.layer, now)
			}
		case *rtcp.ReceiverReport:
			v.received(p.Reports)
		case *rtcp.SenderReport:
			v.received(p.Reports)
		case *rtcp.ReceiverEstimatedMaximumBitrate:
			v.transport.estimator.REMB(uint64(max(p.Bitrate, 0)), now)
			v.transport.judge()
		case *rtcp.RawPacket:
			v.limitRate(*p, now)
		}
	}
	return resend
}

// poke has the viewer served, and nobody else, if it has started.
func (v *Viewer) poke() {
	if t := v.turn.Load(); t != nil {
		t.call()
	}
}

func (v *Viewer) bySSRC(ssrc uint32) *track {
	for _, t := range v.tracks {
		if t != nil && t.cfg.SSRC == ssrc {
			return t
		}
	}
	return nil
}

func (v *Viewer) received(reports []rtcp.ReceptionReport) {
	nanos := v.stream.b.clock.now()
	now := ntp.Timestamp(v.stream.b.clock.wall(nanos))
	for _, r := range reports {
		t := v.bySSRC(r.SSRC)
		if t == nil {
			continue
		}
		t.reception.Received(r, now)
		if t == v.tracks[codec.Video] || v.tracks[codec.Video] == nil {
			v.transport.estimator.Report(r.FractionLost, t.reception.RTT, nanos)
			v.transport.judge()
		}
		if t.layer == nil {
			continue
		}
		err := t.breaker.Judge(report.Path{
			Now: nanos, RTT: t.reception.RTT, Sent: t.packets, Octets: t.octets,
			ByteRate: float64(t.layer.rate.Load()) / 8, Reception: r,
		})
		if err != nil {
			v.end(err)
		}
	}
}

// goodbye tells the player that its tracks have ended (RFC 3550 section 6.6). A
// connection that is gone already does not hear it.
func (v *Viewer) goodbye() {
	bye := &rtcp.Goodbye{}
	for _, t := range v.tracks {
		if t != nil && t.packets > 0 {
			bye.Sources = append(bye.Sources, t.cfg.SSRC)
		}
	}
	if len(bye.Sources) == 0 {
		return
	}
	// Best effort: nothing can be done about an error any more.
	_ = v.sink.WriteRTCP([]rtcp.Packet{
		&rtcp.ReceiverReport{SSRC: bye.Sources[0]},
		rtcp.NewCNAMESourceDescription(bye.Sources[0], v.cname),
		bye,
	})
}
