package pace

import (
	"bytes"
	"math"
	"testing"

	"github.com/pion/rtcp"
)

func TestParseTMMBR(t *testing.T) {
	entry := []byte{0, 0, 0, 9, 0x2a<<2 | 3, 0xff, 0xff, 0xff} // 2^42 · 131071, 511
	packet := append([]byte{0x83, 205, 0, 4, 0, 0, 0, 7, 0, 0, 0, 0}, entry...)
	two := append([]byte{0x83, 205, 0, 6, 0, 0, 0, 7, 0, 0, 0, 0}, append(append([]byte{}, entry...), 0, 0, 0, 8, 0, 0, 0x04, 40)...)
	for _, tt := range []struct {
		name string
		b    []byte
		want []MaxBitRate
	}{
		{"one", packet, []MaxBitRate{{9, 131071 << 42, 511}}},
		{"two", two, []MaxBitRate{{9, 131071 << 42, 511}, {8, 2, 40}}},
		{"too large a number", append(packet[:16:16], 0xff, 0xff, 0xfe, 0), []MaxBitRate{{9, math.MaxUint64, 0}}},
		{"zero, however shifted", append(packet[:16:16], 0xfc, 0, 0, 0), []MaxBitRate{{9, 0, 0}}},
		{"TMMBN", append([]byte{0x84}, packet[1:]...), nil},
		{"NACK", append([]byte{0x81}, packet[1:]...), nil},
		{"PLI", append([]byte{0x81, 206}, packet[2:]...), nil},
		{"another version", append([]byte{0x43}, packet[1:]...), nil},
		{"no entry", packet[:12], nil},
		{"cut", packet[:19], nil},
		{"longer than it is", append([]byte{0x83, 205, 0, 9}, packet[4:]...), nil},
		{"shorter than an entry", append([]byte{0x83, 205, 0, 2}, packet[4:]...), nil},
		{"empty", nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sender, got, ok := ParseTMMBR(tt.b)
			if ok != (tt.want != nil) || len(got) != len(tt.want) {
				t.Fatalf("%v %v, want %v", got, ok, tt.want)
			}
			for i := range got {
				if got[i] != tt.want[i] || sender != 7 {
					t.Errorf("entry %d of %d: %+v, want %+v", i, sender, got[i], tt.want[i])
				}
			}
		})
	}
}

// What is understood is what was asked for, as near as the format can tell it.
func TestFormatNotification(t *testing.T) {
	for _, rate := range []uint64{0, 1, 131_071, 131_072, 500_000, 2_000_001, 10_000_000_000, math.MaxUint64} {
		raw := *FormatNotification(3, 4, MaxBitRate{SSRC: 9, Rate: rate, Overhead: 40})
		packets, err := rtcp.Unmarshal(raw)
		if err != nil || len(packets) != 1 {
			t.Fatalf("%d: %v %v", rate, packets, err)
		}
		if raw[0] != 0x84 || raw[1] != 205 {
			t.Fatalf("%d: % x is no TMMBN", rate, raw[:2])
		}
		request := append([]byte{0x83}, raw[1:]...) // the formats are the same
		sender, entries, ok := ParseTMMBR(request)
		if !ok || sender != 3 || len(entries) != 1 || entries[0].SSRC != 4 || entries[0].Overhead != 40 {
			t.Fatalf("%d: %d %+v %v", rate, sender, entries, ok)
		}
		if got := entries[0].Rate; got > rate || rate-got > rate>>16 {
			t.Errorf("%d became %d", rate, got)
		}
	}
}

func FuzzTMMBR(f *testing.F) {
	f.Add([]byte{0x83, 205, 0, 4, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 9, 0x2a<<2 | 3, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		kept := bytes.Clone(b)
		_, entries, ok := ParseTMMBR(b)
		if ok && (len(entries) == 0 || len(entries) > len(b)/maxBitRateSize) {
			t.Errorf("%d entries in %d bytes", len(entries), len(b))
		}
		if !bytes.Equal(b, kept) {
			t.Error("the packet was changed")
		}
	})
}
