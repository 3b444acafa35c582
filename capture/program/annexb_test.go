package program

import (
	"bytes"
	"strings"
	"testing"

	"porthole/capture/capturetest"
	"porthole/internal/codec"
)

// picture is an access unit of one or two slices.
func picture(kind byte, slices int) []byte {
	var nals [][]byte
	if kind == codec.NALIDR {
		nals = append(nals, capturetest.NAL(codec.NALSPS, 12), capturetest.NAL(codec.NALPPS, 6))
	}
	for i := range slices {
		nal := capturetest.NAL(kind, 300)
		nal[1] = 0x80 // first_mb_in_slice is 0
		if i > 0 {
			nal[1] = 0x40
		}
		nals = append(nals, nal)
	}
	return capturetest.Unit(nals...)
}

func TestAccessUnitsAreFoundHoweverTheyCome(t *testing.T) {
	want := [][]byte{picture(codec.NALIDR, 2), picture(codec.NALSlice, 1), picture(codec.NALSlice, 2), picture(codec.NALIDR, 1)}
	stream := append(bytes.Join(want, nil), picture(codec.NALSlice, 1)...)
	for _, size := range []int{1, 2, 3, 7, 301, len(stream)} {
		var s splitter
		var got [][]byte
		for rest := stream; len(rest) > 0; {
			n := min(size, len(rest))
			s.push(rest[:n])
			rest = rest[n:]
			for {
				unit, err := s.cut()
				if err != nil {
					t.Fatal(err)
				}
				if unit == nil {
					break
				}
				got = append(got, unit)
			}
		}
		if len(got) != len(want) {
			t.Errorf("in pieces of %d: %d units, want %d", size, len(got), len(want))
			continue
		}
		for i := range want {
			if a, b := codec.SplitAnnexB(nil, got[i]), codec.SplitAnnexB(nil, want[i]); !bytes.Equal(bytes.Join(a, nil), bytes.Join(b, nil)) {
				t.Errorf("in pieces of %d: unit %d differs", size, i)
			}
		}
	}
}

func TestOtherOutputIsNamed(t *testing.T) {
	ts := make([]byte, 376)
	ts[0], ts[188] = 0x47, 0x47
	for want, data := range map[string][]byte{
		"MPEG-TS":     ts,
		"IVF":         []byte("DKIF\x00\x00 \x00VP80"),
		"MP4":         []byte("\x00\x00\x00\x1cftypiso5"),
		"Matroska":    {0x1a, 0x45, 0xdf, 0xa3, 1, 2, 3, 4},
		"begins with": bytes.Repeat([]byte("noise"), maxProbe),
		"-f h264":     {0, 0, 0, 1, 0x40, 1, 0x0c, 1, 0xff}, // the VPS of H.265
	} {
		var s splitter
		s.push(data)
		if unit, err := s.cut(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("cut() = %d bytes, %v, want an error with %q", len(unit), err, want)
		}
	}
}

func TestEndlessPictureIsRefused(t *testing.T) {
	var s splitter
	s.push(picture(codec.NALIDR, 1))
	chunk := bytes.Repeat([]byte{0x55}, 64<<10)
	for range maxUnit/len(chunk) + 1 {
		s.push(chunk)
		if _, err := s.cut(); err != nil {
			return
		}
	}
	t.Errorf("%d bytes are kept of one picture", len(s.buf))
}

func FuzzSplitter(f *testing.F) {
	f.Add(append(picture(codec.NALIDR, 2), picture(codec.NALSlice, 1)...), 5)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		var s splitter
		came := len(data)
		for total := 0; len(data) > 0; {
			n := min(max(size, 1), len(data))
			s.push(data[:n])
			data = data[n:]
			for {
				unit, err := s.cut()
				if err != nil {
					return
				}
				if unit == nil {
					break
				}
				if total += len(unit); total > came {
					t.Fatalf("%d bytes were cut of %d", total, came)
				}
			}
		}
	})
}
