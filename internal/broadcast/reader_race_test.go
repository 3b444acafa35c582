package broadcast

import (
	"sync"
	"testing"

	"github.com/pion/rtp"

	"porthole/internal/broadcast/ring"
	"porthole/internal/codec"
)

// TestReaderDoesNotAllocate writes and reads; the blocks of the ring are averaged.
func TestReaderDoesNotAllocate(t *testing.T) {
	b, l := still(t, 0)
	r, err := b.Read("cam", ReaderConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	i, got := 0, 0
	next := func() {
		i++
		write(t, l, i)
		for _, ok := r.Poll(); ok; _, ok = r.Poll() {
			got++
		}
	}
	for range 100 {
		next()
	}
	if n := testing.AllocsPerRun(5000, next); n != 0 {
		t.Errorf("a packet allocates %v times, want 0", n)
	}
	if got < 5000 {
		t.Errorf("%d packets were read: the test shows nothing", got)
	}
}

// TestPublisherOvertakesItsReaders lets a publisher write as fast as it can into a ring that is overwritten every few
// pictures: what readers get stays in order, and begins with a keyframe after each break. The race detector watches.
func TestPublisherOvertakesItsReaders(t *testing.T) {
	const readers, packets = 4, 100_000
	b := New(Config{Senders: 1})
	defer func() { _ = b.Close() }()
	p, err := b.Publish("cam", PublisherConfig{Kinds: []codec.Kind{codec.Video}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := p.AddLayer(LayerConfig{Codec: codec.Codec{MimeType: codec.VP8, ClockRate: 90_000}, RequestKeyframe: func() {}})
	if err != nil {
		t.Fatal(err)
	}
	l.ring = ring.New(ring.Size{Packets: ring.BlockPackets, Recent: ring.BlockPackets})
	var reading sync.WaitGroup
	for range readers {
		r, err := b.Read("cam", ReaderConfig{})
		if err != nil {
			t.Fatal(err)
		}
		reading.Go(func() { readInOrder(t, r, packets) })
	}
	payload := []byte{0x10, 1, 2, 3, 0, 0, 0, 0}
	for i := range packets {
		payload[1] = 1
		if i%7 == 0 || i == packets-1 {
			payload[1] = 0
		}
		_ = l.WriteRTP(&rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(i), Timestamp: uint32(i), Marker: true}, Payload: payload})
	}
	reading.Wait()
}

// readInOrder reads up to the packet with the timestamp packets-1, which is a keyframe.
func readInOrder(t *testing.T, r *Reader, packets uint32) {
	defer r.Close()
	var last, read, skipped, first uint64
	for read == 0 || last-first < uint64(packets)-1 {
		p, err := r.Next(t.Context())
		switch {
		case err != nil:
			t.Error(err)
			return
		case read == 0:
			first = p.Number - uint64(p.Timestamp)
		case p.Number <= last || p.Number-last != 1+p.Skipped:
			t.Errorf("%d after %d, with %d skipped", p.Number, last, p.Skipped)
			return
		}
		if p.Break != NoBreak && (!p.Keyframe || p.Payload[1] != 0) || p.Keyframe != (p.Payload[1] == 0) || p.Lost > 0 || p.Late {
			t.Errorf("%+v", p)
			return
		}
		last = p.Number
		read++
		skipped += p.Skipped
	}
	t.Logf("%d packets read, %d skipped", read, skipped)
}

// BenchmarkWake is what readers, or viewers, cost the publisher of a picture: one of a packet. Nobody reads, so that
// every reader but the first time has been woken already.
func BenchmarkWake(b *testing.B) {
	for name, readers := range map[string]int{"none": 0, "readers=1": 1, "readers=100": 100} {
		b.Run(name, func(b *testing.B) {
			bc, l := still(b, 0)
			for range readers {
				if _, err := bc.Read("cam", ReaderConfig{}); err != nil {
					b.Fatal(err)
				}
			}
			s := l.publisher.stream
			b.ReportAllocs()
			for b.Loop() {
				s.wake(true)
			}
		})
	}
	b.Run("viewers=100", func(b *testing.B) {
		_, l := still(b, 100)
		s := l.publisher.stream
		for b.Loop() {
			s.wake(true)
		}
	})
}
