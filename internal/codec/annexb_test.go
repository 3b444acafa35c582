package codec

import (
	"bytes"
	"slices"
	"testing"
)

func TestSplitAnnexB(t *testing.T) {
	for _, c := range []struct {
		name, data string
		want       []string
	}{
		{"start codes of both lengths", "00000001" + "6742" + "000001" + "68ce" + "00000001" + "6588", []string{"6742", "68ce", "6588"}},
		{"zero bytes at the end of units", "000001" + "6742" + "000000" + "000001" + "6588" + "0000", []string{"6742", "6588"}},
		{"empty units", "000001" + "000001" + "6742" + "000001", []string{"6742"}},
		{"what comes before the first start code", "ffff" + "000001" + "6742", []string{"6742"}},
		{"emulation prevention", "000001" + "6742000003", []string{"6742000003"}},
		{"no start code", "6742", nil},
		{"nothing", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var want [][]byte
			for _, nal := range c.want {
				want = append(want, unhex(t, nal))
			}
			if got := SplitAnnexB(nil, unhex(t, c.data)); !slices.EqualFunc(got, want, bytes.Equal) {
				t.Errorf("%x, want %x", got, want)
			}
		})
	}
}

// What is joined with start codes comes apart as it was.
func FuzzSplitAnnexB(f *testing.F) {
	f.Add(unhex(f, "00000001"+"6742"+"000001"+"68ce"))
	f.Fuzz(func(t *testing.T, data []byte) {
		nals := SplitAnnexB(nil, data)
		var joined []byte
		for _, nal := range nals {
			if len(nal) == 0 || nal[len(nal)-1] == 0 || bytes.Contains(nal, []byte{0, 0, 1}) {
				t.Fatalf("% x is not a unit", nal)
			}
			joined = append(append(joined, 0, 0, 0, 1), nal...)
		}
		if again := SplitAnnexB(nil, joined); !slices.EqualFunc(nals, again, bytes.Equal) {
			t.Errorf("% x became % x", nals, again)
		}
	})
}

// Nothing is allocated where there is room for the units.
func TestSplittingDoesNotAllocate(t *testing.T) {
	data := append(unhex(t, "00000001"+"6742"+"000001"+"68ce"+"00000001"), bytes.Repeat([]byte{1}, 10_000)...)
	dst := make([][]byte, 0, 8)
	if n := testing.AllocsPerRun(100, func() { dst = SplitAnnexB(dst[:0], data) }); n > 0 {
		t.Errorf("%.0f allocations", n)
	}
}
