package number

import (
	"math/rand/v2"
	"testing"
)

// apply numbers a packet and sends it.
func (r *Rewriter) apply(in uint64, timestamp uint32, now int64) (uint16, uint32, bool) {
	seq, ts, ok := r.Number(in, timestamp)
	if ok {
		r.Sent(seq, ts, now)
	}
	return uint16(seq), ts, ok
}

// TestRewriterNumbersAreContiguous drives a rewriter through a random life:
// drops on purpose, other layers, other publishers. Whatever happens, a run's
// first packet takes the number after the last one, and time never goes back.
func TestRewriterNumbersAreContiguous(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		r := NewRewriter(90_000)
		now, seq, ts := int64(1), rng.Uint64N(1<<40), rng.Uint32()
		r.Change(seq, ts, ts, now)
		var last uint16
		var lastTS uint32
		for i := range 2000 {
			switch rng.IntN(40) {
			case 0: // skip some packets within the layer
				n := rng.Uint64N(500) + 1
				seq += n
				ts += uint32(n) * 300
				r.Resume(seq, ts+rng.Uint32N(90_000))
			case 1: // another publisher, whose history may be long
				seq, ts = rng.Uint64N(1<<40), rng.Uint32()
				r.Change(seq, ts, ts+rng.Uint32N(4*90_000), now)
			}
			gotSeq, gotTS, ok := r.apply(seq, ts, now)
			if !ok {
				t.Fatalf("seed %d packet %d: refused", seed, i)
			}
			if i > 0 && gotSeq != last+1 {
				t.Fatalf("seed %d packet %d: sequence number %d after %d", seed, i, gotSeq, last)
			}
			if i > 0 && int32(gotTS-lastTS) < 0 {
				t.Fatalf("seed %d packet %d: timestamp %d after %d", seed, i, gotTS, lastTS)
			}
			last, lastTS = gotSeq, gotTS
			seq++
			if rng.IntN(10) == 0 {
				ts += 3000
				now += 33e6
			}
		}
	}
}

func TestRewriterKeepsHolesOfLostPackets(t *testing.T) {
	r := NewRewriter(90_000)
	r.Change(100, 0, 0, 1)
	first, _, _ := r.apply(100, 0, 1)
	third, _, _ := r.apply(102, 0, 1) // 101 was lost on its way to us
	if third != first+2 {
		t.Errorf("after a lost packet got %d, want %d: the player must know", third, first+2)
	}
	second, _, ok := r.apply(101, 0, 1) // it was sent again and came late
	if !ok || second != first+1 {
		t.Errorf("late packet got %d (%v), want the hole it left, %d", second, ok, first+1)
	}
	fourth, _, _ := r.apply(103, 0, 1)
	if fourth != first+3 {
		t.Errorf("next packet got %d, want %d", fourth, first+3)
	}
}

func TestRewriterRefusesPacketsFromBeforeTheRun(t *testing.T) {
	r := NewRewriter(90_000)
	r.Change(100, 0, 0, 1)
	r.apply(100, 0, 1)
	r.Resume(200, 0)
	if _, _, ok := r.apply(150, 0, 1); ok {
		t.Error("a packet that was skipped got a number that is taken")
	}
}

func TestRewriterSqueezesHistory(t *testing.T) {
	const second = 90_000
	r := NewRewriter(second)
	r.Change(0, 0, 4*second, 1) // a keyframe of 4 s ago
	_, start, _ := r.apply(0, 0, 1)
	_, live, _ := r.apply(1, 4*second, 1)
	if got := live - start; got != 4*second/32 {
		t.Errorf("4 s of history span %d ticks, want %d", got, 4*second/32)
	}
	_, after, _ := r.apply(2, 5*second, 1)
	if got := after - live; got != second {
		t.Errorf("a live second spans %d ticks, want %d", got, second)
	}
}

func TestRewriterMovesOnByRealTimeAcrossPublishers(t *testing.T) {
	r := NewRewriter(90_000)
	r.Change(10, 7777, 7777, 1e9)
	_, before, _ := r.apply(10, 7777, 1e9)
	r.Change(900, 42, 42, 3e9) // two seconds later
	_, after, _ := r.apply(900, 42, 3e9)
	if got := after - before; got != 180_000 {
		t.Errorf("two seconds moved the timestamp by %d, want 180000", got)
	}
}

// BenchmarkRewrite is what a viewer's own numbers cost for one packet.
func BenchmarkRewrite(b *testing.B) {
	r := NewRewriter(90_000)
	r.Change(0, 0, 0, 1)
	b.ReportAllocs()
	seq := uint64(0)
	for b.Loop() {
		out, ts, _ := r.Number(seq, uint32(seq)*300)
		r.Sent(out, ts, int64(seq))
		seq++
	}
}
