package bandwidth

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
)

// send sends n packets of 1000 bytes, a millisecond apart from now on.
func send(e *Estimator, n int, now int64) int64 {
	for range n {
		e.Sent(1000, now)
		now += step
	}
	return now
}

// fates tells of packets: + arrived, - lost, ? unknown.
func fates(e *Estimator, first, n uint16) string {
	var s []byte
	for i := range n {
		s = append(s, "?+-"[e.ring[(first+i)%history].fate])
	}
	return string(s)
}

// fci is what follows the two SSRCs of an RTCP packet.
func fci(t *testing.T, packet rtcp.Packet) []byte {
	t.Helper()
	b, err := packet.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b[12:]
}

func deltas(ticks ...int64) (d []*rtcp.RecvDelta) {
	for _, n := range ticks {
		kind := rtcp.TypeTCCPacketReceivedSmallDelta
		if n < 0 || n > 255 {
			kind = rtcp.TypeTCCPacketReceivedLargeDelta
		}
		d = append(d, &rtcp.RecvDelta{Type: uint16(kind), Delta: n * tick})
	}
	return d
}

// layout makes feedback with chunks of all kinds, written by somebody else's code.
func layout(t *testing.T, base, count uint16, chunks []rtcp.PacketStatusChunk, d []*rtcp.RecvDelta) []byte {
	t.Helper()
	size := 8 + 2*len(chunks)
	for _, delta := range d {
		size += int(delta.Type)
	}
	cc := &rtcp.TransportLayerCC{
		BaseSequenceNumber: base, PacketStatusCount: count, ReferenceTime: 1000,
		PacketChunks: chunks, RecvDeltas: d,
	}
	cc.Header = rtcp.Header{
		Padding: (12+size)%4 != 0, Count: rtcp.FormatTCC, Type: rtcp.TypeTransportSpecificFeedback,
		Length: uint16((12+size+3)/4 - 1),
	}
	return fci(t, cc)
}

func TestFeedbackOfEachLayout(t *testing.T) {
	none, small, large := uint16(rtcp.TypeTCCPacketNotReceived), uint16(rtcp.TypeTCCPacketReceivedSmallDelta), uint16(rtcp.TypeTCCPacketReceivedLargeDelta)
	tests := []struct {
		name   string
		count  uint16
		chunks []rtcp.PacketStatusChunk
		deltas []*rtcp.RecvDelta
		want   string
		last   int64 // ticks after the reference time
	}{
		{"run of arrived packets", 5, []rtcp.PacketStatusChunk{
			&rtcp.RunLengthChunk{PacketStatusSymbol: small, RunLength: 5},
		}, deltas(10, 4, 4, 4, 4), "+++++", 26},
		{"run of lost packets between others", 7, []rtcp.PacketStatusChunk{
			&rtcp.RunLengthChunk{PacketStatusSymbol: small, RunLength: 2},
			&rtcp.RunLengthChunk{PacketStatusSymbol: none, RunLength: 4},
			&rtcp.RunLengthChunk{PacketStatusSymbol: small, RunLength: 1},
		}, deltas(1, 2, 3), "++----+", 6},
		{"one bit for each packet", 14, []rtcp.PacketStatusChunk{
			&rtcp.StatusVectorChunk{SymbolSize: rtcp.TypeTCCSymbolSizeOneBit, SymbolList: []uint16{1, 0, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 0, 1}},
		}, deltas(1, 1, 1, 1, 1, 1, 1, 1, 1, 1), "+-++--++++++-+", 10},
		{"two bits for each packet, one overtaken, one late", 7, []rtcp.PacketStatusChunk{
			&rtcp.StatusVectorChunk{SymbolSize: rtcp.TypeTCCSymbolSizeTwoBit, SymbolList: []uint16{small, large, none, small, large, none, small}},
		}, deltas(40, -8, 20, 400, 1), "++-++-+", 453},
		{"last chunk filled up", 9, []rtcp.PacketStatusChunk{
			&rtcp.StatusVectorChunk{SymbolSize: rtcp.TypeTCCSymbolSizeTwoBit, SymbolList: []uint16{small, small, small, small, small, small, small}},
			&rtcp.StatusVectorChunk{SymbolSize: rtcp.TypeTCCSymbolSizeTwoBit, SymbolList: []uint16{none, small, none, none, none, none, none}},
		}, deltas(1, 1, 1, 1, 1, 1, 1, 1), "+++++++-+", 8},
		{"one-bit chunk filled up", 3, []rtcp.PacketStatusChunk{
			&rtcp.StatusVectorChunk{SymbolSize: rtcp.TypeTCCSymbolSizeOneBit, SymbolList: []uint16{1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
		}, deltas(2, 2), "+-+", 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, base := range []uint16{0, 5, 1<<16 - 3} {
				e := &Estimator{next: base}
				now := send(e, 20, step)
				if err := e.Feedback(layout(t, base, tt.count, tt.chunks, tt.deltas), now); err != nil {
					t.Fatal(err)
				}
				if got := fates(e, base, tt.count); got != tt.want {
					t.Errorf("base %d: %s, want %s", base, got, tt.want)
				}
				if got, want := e.delay.arrival, (1000*ticksPerRef+tt.last)*tick; got != want {
					t.Errorf("base %d: last arrival %d µs, want %d", base, got, want)
				}
				if rest := fates(e, base+tt.count, 20-tt.count); rest != string(slices.Repeat([]byte("?"), int(20-tt.count))) {
					t.Errorf("base %d: told of packets beyond: %s", base, rest)
				}
			}
		})
	}
}

// pion's clients describe the same with their own mixture of chunks.
func TestFeedbackOfPion(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	e, recorder := new(Estimator), twcc.NewRecorder(1)
	want := ""
	now := step
	for i := range 2000 {
		number := e.Sent(1000, now)
		if random.IntN(10) > 0 {
			recorder.Record(2, number, (now+random.Int64N(30*step))/clockStep+50_000_000)
			want += "+"
		} else {
			want += "-"
		}
		now += step
		if i%100 == 99 {
			for _, packet := range recorder.BuildFeedbackPacket() {
				if err := e.Feedback(fci(t, packet), now); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	got := fates(e, 2000-1000, 990)
	if got != want[1000:1990] {
		t.Errorf("\n%s, want\n%s", got, want[1000:1990])
	}
}

func TestFeedbackThatIsRefused(t *testing.T) {
	good := []byte{0, 2, 0, 3, 0, 0, 9, 0, 0x20, 3, 4, 4, 4}
	with := func(at int, values ...byte) []byte {
		b := slices.Clone(good)
		copy(b[at:], values)
		return b
	}
	tests := []struct {
		name string
		fci  []byte
		want error
	}{
		{"as it should be", good, nil},
		{"padded", append(slices.Clone(good), 0, 0, 3), nil},
		{"nothing", nil, ErrMalformed},
		{"no chunk", good[:8], ErrMalformed},
		{"half a chunk", good[:9], ErrMalformed},
		{"no delta", good[:10], ErrMalformed},
		{"a delta too few", good[:12], ErrMalformed},
		{"of no packets", with(2, 0, 0), ErrMalformed},
		{"a run of none", with(8, 0x20, 0), ErrMalformed},
		{"a run too short", with(8, 0x20, 2), ErrMalformed},
		{"a reserved symbol in a run", with(8, 0x60, 3), ErrMalformed},
		{"a reserved symbol in a vector", with(8, 0xf0, 0), ErrMalformed},
		{"packets not yet sent", with(0, 0, 8), ErrNotSent},
		{"a packet not yet sent", with(2, 0, 9), ErrNotSent},
		{"packets of another life", with(0, 0x80, 0), ErrNotSent},
		{"all numbers there are", with(2, 0xff, 0xff), ErrNotSent},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := new(Estimator)
			now := send(e, 10, step)
			before := *e
			if err := e.Feedback(tt.fci, now); !errors.Is(err, tt.want) {
				t.Fatalf("%v, want %v", err, tt.want)
			}
			if tt.want != nil && *e != before {
				t.Error("it changed something")
			}
		})
	}
	if err := new(Estimator).Feedback(good, step); !errors.Is(err, ErrNotSent) {
		t.Errorf("before anything was sent: %v", err)
	}
}

// A packet that was overtaken is told of as lost, and then as arrived.
func TestLatePacketIsNotLost(t *testing.T) {
	e := new(Estimator)
	now := send(e, 10, step)
	for _, fci := range [][]byte{
		{0, 0, 0, 4, 0, 0, 9, 0, 0b11_01_00_01, 0b01_00_00_00, 1, 1, 1},
		{0, 1, 0, 1, 0, 0, 9, 1, 0x20, 1, 9},
		{0, 1, 0, 1, 0, 0, 9, 2, 0x20, 1, 9}, // again
	} {
		if err := e.Feedback(fci, now); err != nil {
			t.Fatal(err)
		}
	}
	if got := fates(e, 0, 5); got != "++++?" {
		t.Error(got)
	}
	if e.window.lost != 0 || e.window.received != 4 {
		t.Errorf("%d lost, %d received", e.window.lost, e.window.received)
	}
}

// Arrival times go on where the reference time begins anew, after twelve days.
func TestReferenceTimeWraps(t *testing.T) {
	var a arrivals
	start := a.reference(1<<24 - 2)
	for i, ref := range []uint32{1<<24 - 1, 0, 5, 1<<24 - 1, 7} {
		want := []int64{1, 2, 7, 1, 9}[i]
		if got := (a.reference(ref) - start) / ticksPerRef; got != want {
			t.Errorf("reference %d is %d after the first, want %d", ref, got, want)
		}
	}
}

func TestNothingIsAllocated(t *testing.T) {
	e := new(Estimator)
	now := send(e, 25, step)
	got := testing.AllocsPerRun(1000, func() {
		base := e.next - 25
		fci := [...]byte{byte(base >> 8), byte(base), 0, 25, 0, 0, 9, 0, 0x20, 25, 34: 0}
		if err := e.Feedback(fci[:], now); err != nil {
			t.Fatal(err)
		}
		now = send(e, 25, now)
		e.Probe(20_000_000, now)
		e.Report(0, time.Second, now)
		e.REMB(1_000_000, now)
		_ = e.Verdict()
	})
	if got != 0 {
		t.Errorf("25 packets and their feedback allocate %v times", got)
	}
}

func FuzzFeedback(f *testing.F) {
	f.Add([]byte{0, 2, 0, 3, 0, 0, 9, 0, 0x20, 3, 4, 4, 4}, uint16(10))
	f.Add([]byte{0, 0, 0, 4, 0, 0, 9, 0, 0b11_01_00_01, 0b01_00_00_00, 1, 1, 1}, uint16(5))
	f.Add([]byte{0, 0, 4, 0, 255, 255, 255, 0, 0x1f, 255, 0x1f, 255}, uint16(2000))
	f.Add([]byte{255, 250, 0, 14, 0, 0, 0, 0, 0xbf, 255, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, uint16(9))
	f.Fuzz(func(t *testing.T, fci []byte, sent uint16) {
		e := &Estimator{next: 1<<16 - 7}
		now := send(e, int(sent%3000), step)
		for range 3 {
			_ = e.Feedback(fci, now)
			v := e.Verdict()
			if v.Budget < MinBudget || v.Loss < 0 || v.Loss > 1 || v.RTT < 0 || v.Queue < 0 {
				t.Fatalf("%+v", v)
			}
			now = send(e, 30, now)
			e.Probe(v.Budget*2, now)
			if len(fci) >= 2 { // the same again, of newer packets
				binary.BigEndian.PutUint16(fci, binary.BigEndian.Uint16(fci)+30)
			}
		}
	})
}
