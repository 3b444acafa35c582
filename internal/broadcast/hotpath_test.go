package broadcast

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"porthole/internal/codec"

	"porthole/internal/broadcast/pace"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// discard is a sink that takes everything.
type discard struct{}

func (discard) WriteRTP(_ *rtp.Header, payload []byte) (int, error) { return len(payload), nil }
func (discard) Flush() error                                        { return nil }
func (discard) WriteRTCP([]rtcp.Packet) error                       { return nil }

// still is a broadcaster whose senders do not run: the test is the sender.
func still(tb testing.TB, viewers int) (*Broadcaster, *Layer) {
	tb.Helper()
	return stillWith(tb, viewers, nil)
}

// stillWith is still with viewers who agreed on something else.
func stillWith(tb testing.TB, viewers int, change func(*ViewerConfig)) (*Broadcaster, *Layer) {
	tb.Helper()
	b := New(Config{Senders: 1})
	b.stop()
	b.running.Wait()
	p, err := b.Publish("cam", PublisherConfig{Kinds: []codec.Kind{codec.Video}})
	if err != nil {
		tb.Fatal(err)
	}
	l, err := p.AddLayer(LayerConfig{Codec: codec.Codec{MimeType: "video/H264", ClockRate: 90_000}})
	if err != nil {
		tb.Fatal(err)
	}
	write(tb, l, 0)
	for range viewers {
		v, err := b.Join("cam")
		if err != nil {
			tb.Fatal(err)
		}
		cfg := ViewerConfig{Sink: discard{}, Video: &TrackConfig{SSRC: 1, PayloadType: 96, MID: "0", MIDExtensionID: 1, CaptureTimeExtensionID: 2, TransportCCExtensionID: 3, PlayoutDelayExtensionID: 4}}
		if change != nil {
			change(&cfg)
		}
		if err = v.Start(cfg); err != nil {
			tb.Fatal(err)
		}
	}
	b.senders[0].round()
	for _, v := range viewersOf(b) {
		v.tracks[codec.Video].nextReport = 1 << 62 // reports are made once a second, and do allocate
	}
	tb.Cleanup(func() { _ = b.Close() })
	return b, l
}

// viewersOf returns the viewers of the one stream.
func viewersOf(b *Broadcaster) []*Viewer {
	if turns := *b.streams["cam"].turns.Load(); len(turns) > 0 {
		return *turns[0].viewers.Load()
	}
	return nil
}

// serve gives every viewer what is there: the test runs faster than any pace.
func serve(b *Broadcaster) {
	for _, v := range viewersOf(b) {
		v.transport.pacer = pace.Pacer{}
	}
	b.streams["cam"].wake(true)
	b.senders[0].round()
}

// write appends the i-th packet: ten make a picture, one picture in sixty is a keyframe.
func write(tb testing.TB, l *Layer, i int) {
	payload := benchPayload[:]
	payload[0] = 0x41
	if i%600 == 0 {
		payload[0] = 0x65
	}
	benchPacket.Header = rtp.Header{SequenceNumber: uint16(i), Timestamp: uint32(i / 10 * 3000), Marker: i%10 == 9}
	benchPacket.Payload = payload
	if err := l.WriteRTP(&benchPacket); err != nil {
		tb.Fatal(err)
	}
}

var (
	benchPayload [1100]byte
	benchPacket  rtp.Packet
)

// TestMediaPathDoesNotAllocate counts what is left when the blocks of the ring,
// one allocation in 64 packets, are averaged: nothing.
func TestMediaPathDoesNotAllocate(t *testing.T) {
	b, l := still(t, 10)
	i := 1
	if n := testing.AllocsPerRun(5000, func() { i++; write(t, l, i) }); n != 0 {
		t.Errorf("appending a packet allocates %v times, want 0", n)
	}
	serve(b)
	before, _ := b.Totals()
	if n := testing.AllocsPerRun(1000, func() { i++; write(t, l, i); serve(b) }); n != 0 {
		t.Errorf("a packet for ten viewers allocates %v times, want 0", n)
	}
	if after, _ := b.Totals(); after.Packets-before.Packets < 10_000 {
		t.Errorf("%d packets were sent: the test shows nothing", after.Packets-before.Packets)
	}
}

// TestAppendTakesNoLockOfViewers writes while a viewer is being served, for ever
// as far as the writer can tell.
func TestAppendTakesNoLockOfViewers(t *testing.T) {
	b, l := still(t, 1)
	v := viewersOf(b)[0]
	v.serving.Lock()
	b.mu.Lock()
	for i := range 3 * videoPackets {
		write(t, l, i+1)
	}
	b.mu.Unlock()
	v.serving.Unlock()
	b.senders[0].round()
	if d := v.Stats().Dropped(); d == 0 {
		t.Error("a viewer that the ring overtook has dropped nothing")
	}
}

// BenchmarkAppend is what one packet costs its publisher.
func BenchmarkAppend(b *testing.B) {
	_, l := still(b, 0)
	b.SetBytes(int64(len(benchPayload)))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		write(b, l, i)
	}
}

// BenchmarkFanOut is what one picture of ten packets costs for all its viewers,
// without encryption and sockets.
func BenchmarkFanOut(b *testing.B) {
	for _, viewers := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprintf("viewers=%d", viewers), func(b *testing.B) {
			bc, l := still(b, viewers)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				for range 10 {
					i++
					write(b, l, i)
				}
				serve(bc)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(10*viewers), "ns/packet")
		})
	}
}

// BenchmarkNACK is what one packet that is asked for again costs.
func BenchmarkNACK(b *testing.B) {
	bc, l := still(b, 1)
	v := viewersOf(bc)[0]
	for i := range 600 {
		write(b, l, i+1)
	}
	serve(bc)
	t := v.tracks[codec.Video]
	var s scratch
	seq := uint16(t.rewriter.OutMax())
	b.ReportAllocs()
	for b.Loop() {
		t.resend = append(t.resend[:0], seq)
		t.sent.Find(seq, t.rewriter.OutMax()).Resent, t.resends = 0, pace.Budget{}
		t.retransmit(v, bc.clock.now(), &s)
	}
}

// TestFeedbackTakesNoSharedLock answers a viewer's NACK while another viewer is being
// served and while somebody has the lock of the whole process, both for ever as far
// as the viewer can tell.
func TestFeedbackTakesNoSharedLock(t *testing.T) {
	b, l := still(t, 2)
	for i := range 20 {
		write(t, l, i+1)
	}
	serve(b)
	asking, other := viewersOf(b)[0], viewersOf(b)[1]
	missed := uint16(asking.tracks[codec.Video].rewriter.OutMax())
	other.serving.Lock()
	b.mu.Lock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		asking.HandleRTCP([]rtcp.Packet{
			&rtcp.TransportLayerNack{MediaSSRC: 1, Nacks: rtcp.NackPairsFromSequenceNumbers([]uint16{missed})},
			&rtcp.PictureLossIndication{MediaSSRC: 1},
			&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: 1}}},
		})
		b.senders[0].round()
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Error("feedback of one viewer waits for a lock that others hold")
	}
	b.mu.Unlock()
	other.serving.Unlock()
	<-done
	if n := asking.Stats().Resent; n != 1 {
		t.Errorf("%d packets were sent again, want 1", n)
	}
	if n := testing.AllocsPerRun(1000, func() { asking.poke(); b.senders[0].round() }); n != 0 {
		t.Errorf("a turn allocates %v times, want 0", n)
	}
}

// TestTurnsAreNotLost calls from several goroutines while the sender takes turns: what
// was written before a call is seen in a turn after it.
func TestTurnsAreNotLost(t *testing.T) {
	b, _ := still(t, 0)
	s := b.senders[0]
	const callers, calls = 4, 5000
	turns := make([]*turn, callers)
	var written, seen [callers]atomic.Int64
	for i := range turns {
		turns[i] = newTurn(s)
	}
	look := func() {
		for t := s.takeTurns(); t != nil; {
			next := t.begin()
			i := slices.Index(turns, t)
			seen[i].Store(written[i].Load())
			t = next
		}
	}
	var calling sync.WaitGroup
	for i := range callers {
		calling.Go(func() {
			for n := range int64(calls) {
				written[i].Store(n + 1)
				turns[i].call()
				turns[i].call()
			}
		})
	}
	stop, looking := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(looking)
		for {
			select {
			case <-s.work:
				look()
			case <-stop:
				look()
				return
			}
		}
	}()
	calling.Wait()
	close(stop)
	<-looking
	for i := range seen {
		if n := seen[i].Load(); n != calls {
			t.Errorf("caller %d: what was written at call %d was not looked at, only up to %d", i, calls, n)
		}
	}
}

// BenchmarkFeedback is what one NACK costs beside many other viewers.
func BenchmarkFeedback(b *testing.B) {
	for _, viewers := range []int{1, 300} {
		b.Run(fmt.Sprintf("viewers=%d", viewers), func(b *testing.B) {
			bc, l := still(b, viewers)
			for i := range 20 {
				write(b, l, i+1)
			}
			serve(bc)
			v := viewersOf(bc)[0]
			missed := uint16(v.tracks[codec.Video].rewriter.OutMax())
			nack := []rtcp.Packet{&rtcp.TransportLayerNack{MediaSSRC: 1, Nacks: rtcp.NackPairsFromSequenceNumbers([]uint16{missed})}}
			b.ReportAllocs()
			for b.Loop() {
				v.HandleRTCP(nack)
				bc.senders[0].round()
			}
		})
	}
}

// TestLargestNACKCostsLittle feeds what fits into one packet: no memory, and no more
// than a queue of packets to send again.
func TestLargestNACKCostsLittle(t *testing.T) {
	b, _ := still(t, 1)
	v := viewersOf(b)[0]
	nack := &rtcp.TransportLayerNack{MediaSSRC: 1}
	for i := range 350 {
		nack.Nacks = append(nack.Nacks, rtcp.NackPair{PacketID: uint16(i * 17), LostPackets: 0xffff})
	}
	feedback := []rtcp.Packet{nack}
	v.handle(feedback, 1)
	if n := testing.AllocsPerRun(100, func() { v.handle(feedback, 1) }); n != 0 {
		t.Errorf("a NACK of %d packets allocates %v times, want 0", 17*len(nack.Nacks), n)
	}
	if n := len(v.tracks[codec.Video].resend); n != maxResend {
		t.Errorf("%d packets wait to be sent again, want %d", n, maxResend)
	}
}
