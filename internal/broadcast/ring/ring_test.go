package ring

import "testing"

func TestRingKeepsTheNewest(t *testing.T) {
	r := New(Size{Packets: 100, Recent: 100})
	for i := range uint64(10_000) {
		r.Append(Packet{Seq: i}, []byte{byte(i)})
		low := r.Oldest()
		if kept := i + 1 - low; i > 1000 && kept < 100 {
			t.Fatalf("%d packets kept, want 100 at least", kept)
		}
		for _, pos := range []uint64{low, (low + i) / 2, i} {
			if p := r.At(pos); p == nil || p.Seq != pos || p.Payload[0] != byte(pos) {
				t.Fatalf("position %d of %d: %+v", pos, i, p)
			}
		}
		if r.At(i+1) != nil || low > 0 && r.At(low-1) != nil {
			t.Fatalf("a packet outside of %d to %d", low, i)
		}
	}
}

// A long group of pictures is kept whole, a short one costs no more than what may be
// asked for again, and no number of packets costs more than the bound.
func TestRingIsBoundedByWhatViewersNeed(t *testing.T) {
	size := Size{Packets: 2000, Recent: 300, Bytes: 1 << 20}
	for name, tt := range map[string]struct{ packet, group, least, most int }{
		"short groups":      {packet: 100, group: 50, least: 300, most: 300 + 50 + 2*BlockPackets},
		"long groups":       {packet: 100, group: 1500, least: 300, most: 1500 + 300},
		"too many packets":  {packet: 100, group: 1 << 30, least: 300, most: 2000 + 2*BlockPackets},
		"too many bytes":    {packet: 1 << 10, group: 1 << 30, least: 300, most: 1<<10 + 2*BlockPackets},
		"nothing but bytes": {packet: 1 << 14, group: 10, least: 64, most: 64 + 2*BlockPackets},
	} {
		t.Run(name, func(t *testing.T) {
			r := New(size)
			payload := make([]byte, tt.packet)
			anchor := uint64(0)
			for i := range uint64(20_000) {
				r.Append(Packet{Seq: i}, payload)
				if i%uint64(tt.group) == 0 {
					anchor = i
					r.Keep(anchor)
				}
				kept := i + 1 - r.Oldest()
				if i > 5000 && (kept < uint64(tt.least) || kept > uint64(tt.most)) {
					t.Fatalf("%d packets kept, want %d to %d", kept, tt.least, tt.most)
				}
				fits := i-anchor < uint64(size.Packets) && (i-anchor+1)*uint64(tt.packet) < size.Bytes
				if fits && r.At(anchor) == nil {
					t.Fatalf("the group of pictures that began %d packets ago is lost", i-anchor)
				}
			}
		})
	}
}
