package broadcast

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"porthole/internal/codec"

	"porthole/internal/broadcast/ring"

	"github.com/pion/rtp"
)

// A viewer reads head, keyframe and packets of a ring one after the other, and the
// publisher goes on meanwhile. What a viewer found must be taken to be gone whenever
// it looks again.
func TestRingMayMoveBetweenTwoLooks(t *testing.T) {
	for name, prepare := range map[string]func(*testing.T, *Layer) (pos uint64){
		"nothing written yet":         func(*testing.T, *Layer) uint64 { return 0 },
		"keyframe ahead of the head":  func(t *testing.T, l *Layer) uint64 { write(t, l, 0); return l.ring.Head() },
		"keyframe at the old edge":    func(t *testing.T, l *Layer) uint64 { fill(t, l); return l.ring.Oldest() },
		"keyframe just overwritten":   func(t *testing.T, l *Layer) uint64 { fill(t, l); return l.ring.Oldest() - 1 },
		"keyframe long overwritten":   func(t *testing.T, l *Layer) uint64 { fill(t, l); return 0 },
		"keyframe is the newest":      func(t *testing.T, l *Layer) uint64 { fill(t, l); return l.ring.Head() - 1 },
		"far beyond what was written": func(t *testing.T, l *Layer) uint64 { fill(t, l); return 1 << 40 },
	} {
		t.Run(name, func(t *testing.T) {
			v, tr, l := gatedTrack(t)
			pos := prepare(t, l)
			l.keyframe.Store(pos + 1)
			there := l.ring.At(pos) != nil
			whole, _ := l.ring.Since(l.ring.Oldest())
			if n, ok := l.ring.Since(pos); ok != there || n > whole {
				t.Errorf("%d bytes since position %d, %v; it is there: %v", n, pos, ok, there)
			}
			tr.openGate(v, l.clock.now())
			if tr.gated == there {
				t.Errorf("gated %v with the keyframe there %v", tr.gated, there)
			}
			tr.begin(v, pos, l.clock.now())
			if tr.gated == there {
				t.Errorf("after begin: gated %v with the packet there %v", tr.gated, there)
			}
		})
	}
}

// fill writes more than the ring keeps.
func fill(t *testing.T, l *Layer) {
	t.Helper()
	for i := range 2 * videoPackets {
		write(t, l, i)
	}
}

// gatedTrack is a viewer's track that waits for its first keyframe on a layer that
// nothing was written to.
func gatedTrack(t *testing.T) (*Viewer, *track, *Layer) {
	t.Helper()
	b := New(Config{Senders: 1})
	t.Cleanup(func() { _ = b.Close() })
	p, err := b.Publish("cam", PublisherConfig{Kinds: []codec.Kind{codec.Video}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := p.AddLayer(LayerConfig{Codec: codec.Codec{MimeType: "video/H264", ClockRate: 90_000}})
	if err != nil {
		t.Fatal(err)
	}
	tr := newTrack(TrackConfig{SSRC: 1, PayloadType: 96}, l.cfg.Codec)
	tr.moveTo(l, 1)
	return newViewer(p.stream, nil), tr, l
}

// TestPublisherOvertakesItsViewers lets a publisher write as fast as it can into
// rings that are overwritten every few pictures, while viewers begin, fall behind,
// skip and are overtaken all the time, and while others look at the first packets
// of new streams. None of them may end. The race detector watches.
func TestPublisherOvertakesItsViewers(t *testing.T) {
	const viewers, rounds = 8, 40
	var panics atomic.Int64
	for round := range rounds {
		b := New(Config{Senders: 2, LagBudget: time.Microsecond, OnPanic: func() { panics.Add(1) }})
		p, err := b.Publish("cam", PublisherConfig{Kinds: []codec.Kind{codec.Video}})
		if err != nil {
			t.Fatal(err)
		}
		l, err := p.AddLayer(LayerConfig{Codec: codec.Codec{MimeType: "video/VP8", ClockRate: 90_000}, RequestKeyframe: func() {}})
		if err != nil {
			t.Fatal(err)
		}
		l.ring = ring.New(ring.Size{Packets: ring.BlockPackets, Recent: ring.BlockPackets})
		keyed := func(i int) bool { return i%7 == 0 }
		put := func(i int) {
			payload := []byte{0x10, 1, 2, 3}
			if keyed(i) {
				payload[1] = 0
			}
			_ = l.WriteRTP(&rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(i), Timestamp: uint32(i), Marker: true}, Payload: payload})
		}
		var started sync.WaitGroup
		watching := make([]*Viewer, 0, viewers)
		if round%2 == 0 { // else viewers look at a ring that is empty
			put(0)
		}
		for range viewers {
			v := newViewer(p.stream, []codec.Codec{l.cfg.Codec})
			b.mu.Lock()
			p.stream.viewers[v] = struct{}{}
			b.viewers++
			b.mu.Unlock()
			watching = append(watching, v)
			started.Go(func() {
				_ = v.Start(ViewerConfig{Sink: discard{}, Video: &TrackConfig{SSRC: 1, PayloadType: 96, Accepts: func(codec.Codec) bool { return true }}})
			})
		}
		for i := range 5000 {
			put(i + 1)
		}
		started.Wait()
		for _, v := range watching {
			if v.Err() != nil {
				t.Errorf("round %d: a viewer ended: %v", round, v.Err())
			}
			v.Close(nil)
		}
		_ = b.Close()
	}
	if n := panics.Load(); n > 0 {
		t.Errorf("%d panics", n)
	}
}

// TestFirstPacketLandsWhileAViewerLooks is the moment in which a stream begins, many
// times.
func TestFirstPacketLandsWhileAViewerLooks(t *testing.T) {
	v, tr, first := gatedTrack(t)
	for round := range 20_000 {
		tr.moveTo(newLayer(first.publisher, first.cfg), 1)
		var looking atomic.Bool
		var writing sync.WaitGroup
		writing.Go(func() {
			for !looking.Load() {
				runtime.Gosched()
			}
			_ = tr.layer.WriteRTP(&rtp.Packet{Header: rtp.Header{Marker: true}, Payload: []byte{5}})
		})
		for range 50 {
			tr.openGate(v, first.clock.now())
			looking.Store(true)
		}
		writing.Wait()
		if tr.openGate(v, first.clock.now()); tr.gated {
			t.Fatalf("round %d: the viewer does not begin at the keyframe", round)
		}
	}
}
