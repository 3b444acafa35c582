package broadcast_test

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"porthole/internal/broadcast"
)

const (
	rtxPayload    = 103
	sealSize      = 10 // of SRTP
	wireSize      = 28 // IPv4 and UDP
	nackEvery     = 100 * time.Millisecond
	nackTries     = 10
	nackLife      = time.Second
	keyPatience   = 200 * time.Millisecond // a player without a picture asks for a keyframe
	stuckPatience = 3 * time.Second        // and one whose picture stands still
)

// onPath is a packet on its way to a viewer.
type onPath struct {
	at       time.Time
	size     int
	ssrc     uint32
	seq      uint16
	number   uint16 // transport-wide, if numbered
	marker   bool
	numbered bool
	head     [4]byte // of the descriptor
	tl0      byte
	truth    truth
}

// pathViewer is a viewer behind a path. It does what a browser does: it puts pictures together, asks for what is missing and
// for keyframes, and reports. What it could show is noted.
type pathViewer struct {
	t      *testing.T
	path   *path
	viewer *broadcast.Viewer
	random *rand.Rand
	deaf   bool // hears nothing more, and says nothing

	// Written by the viewer's sender.
	mu                       sync.Mutex
	queued                   []onPath
	flying                   []onPath
	reports                  []rtcp.Packet
	again                    map[uint16]time.Time // when packets were last sent again
	numbers                  map[uint32]uint16    // the last one, by SSRC
	packets, packetsNumbered int                  // since somebody counts
	hasty                    int                  // packets that were sent again within a round trip

	back     []said
	recorder *twcc.Recorder
	nextTell time.Time
	heard    bool
	picture  screen
	sound    soundTrack
	newest   map[uint32]uint64 // number, by SSRC
	missing  map[uint64]*missed
	rr       receiverReports
	began    time.Time
	bytes    int
}

// said is what a viewer has told, on its way.
type said struct {
	at       time.Time
	feedback []byte
	packets  []rtcp.Packet
}

type missed struct {
	since, asked time.Time
	tries        int
}

func watchOver(t *testing.T, b *broadcast.Broadcaster, p *path) *pathViewer {
	t.Helper()
	v := &pathViewer{
		t: t, path: p, random: rand.New(rand.NewPCG(5, 6)), recorder: twcc.NewRecorder(1), began: time.Now(), again: map[uint16]time.Time{}, numbers: map[uint32]uint16{},
		newest: map[uint32]uint64{}, missing: map[uint64]*missed{}, picture: newScreen(t), rr: receiverReports{at: time.Now()},
	}
	var err error
	if v.viewer, err = b.Join("cam"); err != nil {
		t.Fatal(err)
	}
	err = v.viewer.Start(broadcast.ViewerConfig{
		Sink: v,
		Video: &broadcast.TrackConfig{
			SSRC: videoSSRC, PayloadType: videoPayload, RTXSSRC: rtxSSRC, RTXPayloadType: rtxPayload, TransportCCExtensionID: numberID,
		},
		Audio: &broadcast.TrackConfig{SSRC: audioSSRC, PayloadType: 111, TransportCCExtensionID: numberID},
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (v *pathViewer) WriteRTP(h *rtp.Header, payload []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	p := onPath{size: h.MarshalSize() + len(payload) + sealSize, ssrc: h.SSRC, seq: h.SequenceNumber, marker: h.Marker}
	v.packets++
	if n := h.GetExtension(numberID); len(n) == 2 {
		v.packetsNumbered++
		p.numbered, p.number = true, uint16(n[0])<<8|uint16(n[1])
	}
	if last, ok := v.numbers[h.SSRC]; ok && h.SequenceNumber != last+1 {
		v.t.Errorf("packet %d of %x after %d", h.SequenceNumber, h.SSRC, last)
	}
	v.numbers[h.SSRC] = h.SequenceNumber
	if h.SSRC == rtxSSRC {
		p.ssrc, p.seq = videoSSRC, uint16(payload[0])<<8|uint16(payload[1])
		payload = payload[2:]
		if time.Since(v.again[p.seq]) < 2*v.path.delay {
			v.hasty++
		}
		v.again[p.seq] = time.Now()
	}
	copy(p.head[:], payload)
	p.tl0 = payload[4]
	p.truth = readTruth(payload[truthAt:])
	v.queued = append(v.queued, p)
	return p.size, nil
}

func (v *pathViewer) Flush() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	for _, p := range v.queued {
		var ok bool
		if p.at, ok = v.path.enter(p.size+wireSize, now); ok {
			v.flying = append(v.flying, p)
		}
	}
	v.queued = v.queued[:0]
	return nil
}

func (v *pathViewer) WriteRTCP(pkts []rtcp.Packet) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.reports = append(v.reports, pkts...)
	return nil
}

// arrived returns what has come.
func (v *pathViewer) arrived(now time.Time) []onPath {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := 0
	for n < len(v.flying) && !v.flying[n].at.After(now) {
		n++
	}
	got := slices.Clone(v.flying[:n])
	v.flying = v.flying[n:]
	for _, r := range v.reports {
		if sr, ok := r.(*rtcp.SenderReport); ok {
			v.rr.sent(sr, now.Add(v.path.delay))
		}
	}
	v.reports = nil
	return got
}

// tick lives until now, and says whether the viewer said anything.
func (v *pathViewer) tick(now time.Time) (said bool) {
	for len(v.back) > 0 && !v.back[0].at.After(now) {
		if f := v.back[0].feedback; f != nil {
			v.viewer.HandleTransportFeedback(f)
		}
		if p := v.back[0].packets; p != nil {
			v.viewer.HandleRTCP(p)
		}
		v.back, said = v.back[1:], true
	}
	got := v.arrived(now)
	if v.deaf {
		return said
	}
	for i := range got {
		v.take(&got[i])
	}
	v.feedback(now)
	v.ask(now)
	if reports := v.rr.due(now, v.newest); reports != nil {
		v.say(now, reports)
	}
	return said
}

func (v *pathViewer) say(now time.Time, packet rtcp.Packet) {
	v.back = append(v.back, said{at: now.Add(v.path.delay), packets: []rtcp.Packet{packet}})
}

// take takes a packet that has come.
func (v *pathViewer) take(p *onPath) {
	if p.numbered {
		v.recorder.Record(p.ssrc, p.number, p.at.UnixMicro())
	}
	v.heard = true
	v.bytes += p.size
	newest, known := v.newest[p.ssrc]
	number := 1<<20 + uint64(p.seq)
	if known {
		number = uint64(int64(newest) + int64(int16(p.seq-uint16(newest))))
	}
	v.rr.count(p.ssrc)
	if !known {
		v.rr.first(p.ssrc, number)
	}
	if p.ssrc == videoSSRC {
		if known {
			for n := newest + 1; n < number; n++ {
				v.missing[n] = &missed{since: p.at}
			}
		}
		delete(v.missing, number)
	}
	v.newest[p.ssrc] = max(newest, number)
	if p.ssrc == audioSSRC {
		v.sound.take(number, p)
		return
	}
	v.picture.take(number, p)
	for n := range v.missing {
		if n < v.picture.expected {
			delete(v.missing, n)
		}
	}
}

// feedback reports what has come, every 50 to 100 ms.
func (v *pathViewer) feedback(now time.Time) {
	if !v.heard || now.Before(v.nextTell) {
		return
	}
	v.heard = false
	v.nextTell = now.Add(50*time.Millisecond + time.Duration(v.random.Int64N(int64(50*time.Millisecond))))
	for _, p := range v.recorder.BuildFeedbackPacket() {
		b, err := p.Marshal()
		if err != nil {
			v.t.Fatal(err)
		}
		v.back = append(v.back, said{at: now.Add(v.path.delay), feedback: b[12:]})
	}
}

// ask asks for packets that are missing, and for keyframes.
func (v *pathViewer) ask(now time.Time) {
	var seqs []uint16
	for n, m := range v.missing {
		switch {
		case m.tries >= nackTries || now.Sub(m.since) > nackLife:
			delete(v.missing, n)
		case now.Sub(m.asked) >= min(max(2*v.path.delay, 20*time.Millisecond), nackEvery):
			m.asked = now
			m.tries++
			seqs = append(seqs, uint16(n))
		}
	}
	if len(seqs) > 0 {
		newest := uint16(v.newest[videoSSRC])
		slices.SortFunc(seqs, func(a, b uint16) int { return int(newest-b) - int(newest-a) })
		v.say(now, &rtcp.TransportLayerNack{MediaSSRC: videoSSRC, Nacks: rtcp.NackPairsFromSequenceNumbers(seqs)})
	}
	if v.picture.asks(now) {
		v.say(now, &rtcp.PictureLossIndication{MediaSSRC: videoSSRC})
	}
}

// receiverReports counts for them (RFC 3550 section 6.4.1).
type receiverReports struct {
	at      time.Time // of the last ones
	lastSR  map[uint32]uint32
	srAt    map[uint32]time.Time
	base    map[uint32]uint64 // first number of the interval
	arrived map[uint32]int
}

func (r *receiverReports) sent(sr *rtcp.SenderReport, at time.Time) {
	if r.lastSR == nil {
		r.lastSR, r.srAt = map[uint32]uint32{}, map[uint32]time.Time{}
	}
	r.lastSR[sr.SSRC], r.srAt[sr.SSRC] = uint32(sr.NTPTime>>16), at
}

func (r *receiverReports) first(ssrc uint32, number uint64) {
	if r.base == nil {
		r.base = map[uint32]uint64{}
	}
	r.base[ssrc] = number
}

func (r *receiverReports) count(ssrc uint32) {
	if r.arrived == nil {
		r.arrived = map[uint32]int{}
	}
	r.arrived[ssrc]++
}

// due returns a report of the last second.
func (r *receiverReports) due(now time.Time, newest map[uint32]uint64) rtcp.Packet {
	if now.Sub(r.at) < time.Second || len(newest) == 0 {
		return nil
	}
	r.at = now
	report := &rtcp.ReceiverReport{}
	for _, ssrc := range []uint32{audioSSRC, videoSSRC} {
		high, ok := newest[ssrc]
		if !ok {
			continue
		}
		expected := int(high + 1 - r.base[ssrc])
		lost := max(expected-r.arrived[ssrc], 0)
		one := rtcp.ReceptionReport{SSRC: ssrc, LastSequenceNumber: uint32(high)}
		if expected > 0 {
			one.FractionLost = uint8(min(lost*256/expected, 255))
		}
		if at, ok := r.srAt[ssrc]; ok && !at.After(now) {
			one.LastSenderReport, one.Delay = r.lastSR[ssrc], uint32(now.Sub(at).Seconds()*65536)
		}
		r.base[ssrc], r.arrived[ssrc] = high+1, 0
		report.Reports = append(report.Reports, one)
	}
	return report
}
