package bandwidth

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"porthole/internal/processtest"
)

// reportCPU reports the processor time of each turn of a benchmark.
func reportCPU(b *testing.B) (report func()) {
	before := processtest.ProcessorTime(b)
	return func() { b.ReportMetric(float64(processtest.ProcessorTime(b)-before)/float64(b.N), "cpu-ns/op") }
}

// Whatever a receiver sends costs no more than the packets that are remembered: here all of
// them are told of anew, as dear as can be.
func TestCostOfFeedbackIsBounded(t *testing.T) {
	fci := append(make([]byte, headerSize), slices.Repeat([]byte{0b11_01_10_01, 0b10_01_10_01}, history/7+1)...)
	fci = append(fci, slices.Repeat([]byte{0, 1}, history)...)
	binary.BigEndian.PutUint16(fci[2:], history)
	const turns = 500
	e, now := new(Estimator), step
	before := processtest.ProcessorTime(t)
	for range turns {
		base := e.next
		now = send(e, history, now)
		binary.BigEndian.PutUint16(fci, base)
		if err := e.Feedback(fci, now); err != nil {
			t.Fatal(err)
		}
	}
	if each := (processtest.ProcessorTime(t) - before) / turns; each > time.Millisecond {
		t.Errorf("sending %d packets and feedback of %d bytes takes %v", history, len(fci), each)
	}
}

func BenchmarkSent(b *testing.B) {
	e, now := new(Estimator), step
	b.ReportAllocs()
	defer reportCPU(b)()
	for b.Loop() {
		e.Sent(1200, now)
		now += step
	}
}

// Feedback is measured with the sending of its 25 packets, which BenchmarkSent tells apart.
func BenchmarkFeedback(b *testing.B) {
	tests := []struct {
		name string
		tail []byte // chunks and deltas
	}{
		{"arrived", append([]byte{0x20, 25}, slices.Repeat([]byte{16}, 25)...)},
		{"lossy", append([]byte{0xd5, 0x15, 0xd4, 0x55, 0xd5, 0x45, 0xd5, 0x00}, slices.Repeat([]byte{17}, 25)...)},
	}
	for _, tt := range tests {
		b.Run(tt.name, func(b *testing.B) {
			e, now, ticks := new(Estimator), step, int64(0)
			fci := append(make([]byte, headerSize), tt.tail...)
			fci[3] = 25
			b.ReportAllocs()
			defer reportCPU(b)()
			for b.Loop() {
				binary.BigEndian.PutUint16(fci, e.next)
				for range 25 {
					e.Sent(1200, now)
					now += 4 * step
				}
				ticks += 25 * 16
				ref := ticks / ticksPerRef
				fci[4], fci[5], fci[6] = byte(ref>>16), byte(ref>>8), byte(ref)
				if err := e.Feedback(fci, now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
