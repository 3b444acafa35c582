package broadcast

import (
	"bytes"
	"testing"
)

func TestPictureIDs(t *testing.T) {
	for _, tt := range []struct {
		name string
		read func([]byte) pictureIDs
		b    []byte
		want pictureIDs
	}{
		{"VP8 without extension", vp8IDs, []byte{0x10, 1, 2, 3}, pictureIDs{}},
		{"VP8, 7 bits", vp8IDs, []byte{0x90, 0x80, 0x45, 9}, pictureIDs{picture: 0x45, pictureAt: 2}},
		{"VP8, 15 bits", vp8IDs, []byte{0x90, 0x80, 0x92, 0x34, 9}, pictureIDs{picture: 0x1234, pictureAt: 2, long: true}},
		{"VP8, 15 bits and TL0", vp8IDs, []byte{0x90, 0xe0, 0x92, 0x34, 7, 0x20, 9}, pictureIDs{picture: 0x1234, pictureAt: 2, long: true, tl0: 7, tl0At: 4}},
		{"VP8, TL0 alone", vp8IDs, []byte{0x90, 0x40, 7, 9}, pictureIDs{tl0: 7, tl0At: 2}},
		{"VP8, cut", vp8IDs, []byte{0x90, 0x80, 0x92}, pictureIDs{}},
		{"VP8, nothing behind the flags", vp8IDs, []byte{0x90, 0xc0}, pictureIDs{}},
		{"VP9, none", vp9IDs, []byte{0x0c, 1, 2}, pictureIDs{}},
		{"VP9, 15 bits", vp9IDs, []byte{0x8c, 0x92, 0x34, 9}, pictureIDs{picture: 0x1234, pictureAt: 1, long: true}},
		{"VP9, 7 bits and TL0", vp9IDs, []byte{0xac, 0x45, 0x10, 7, 9}, pictureIDs{picture: 0x45, pictureAt: 1, tl0: 7, tl0At: 3}},
		{"VP9, flexible", vp9IDs, []byte{0xbc, 0x45, 0x10, 7, 9}, pictureIDs{picture: 0x45, pictureAt: 1}},
		{"empty", vp8IDs, nil, pictureIDs{}},
		{"empty", vp9IDs, nil, pictureIDs{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.read(tt.b)
			if got != tt.want {
				t.Fatalf("%+v, want %+v", got, tt.want)
			}
			b := bytes.Repeat([]byte{0xff}, len(tt.b))
			copy(b, tt.b)
			got.put(b)
			if !bytes.Equal(b, tt.b) {
				t.Errorf("written back: % x, want % x", b, tt.b)
			}
		})
	}
}

// What follows a change follows what was there before, over the end of the numbers too.
func TestIDsGoOnAfterAChange(t *testing.T) {
	long := func(picture uint16, tl0 uint8) pictureIDs {
		return pictureIDs{picture: picture, tl0: tl0, long: true, pictureAt: 2, tl0At: 4}
	}
	for _, tt := range []struct {
		name        string
		last, first pictureIDs
		picture     uint16
		tl0         uint8
	}{
		{"back", long(5000, 9), long(3000, 200), 5001, 10},
		{"ahead", long(3000, 200), long(5000, 9), 3001, 201},
		{"at the end", long(0x7fff, 255), long(70, 4), 0, 0},
		{"short", pictureIDs{picture: 0x7f, pictureAt: 2}, pictureIDs{picture: 5, pictureAt: 2}, 0, 0},
		{"another length", pictureIDs{picture: 9, pictureAt: 2}, long(5000, 3), 5000, 3},
		{"nothing before", pictureIDs{}, long(5000, 3), 5000, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := shiftAfter(tt.last, tt.first).add(tt.first)
			if got.picture != tt.picture || got.tl0 != tt.tl0 {
				t.Errorf("picture %d, TL0PICIDX %d; want %d and %d", got.picture, got.tl0, tt.picture, tt.tl0)
			}
		})
	}
}

// Whatever a publisher sends, only the ids are changed, and they can be changed back.
func FuzzPictureIDs(f *testing.F) {
	f.Add([]byte{0x90, 0xe0, 0x92, 0x34, 7, 0x20, 9}, uint16(77), uint8(3), true)
	f.Add([]byte{0xac, 0x45, 0x10, 7, 9}, uint16(0x7fff), uint8(255), false)
	f.Fuzz(func(t *testing.T, b []byte, picture uint16, tl0 uint8, vp8 bool) {
		read := vp9IDs
		if vp8 {
			read = vp8IDs
		}
		changed := bytes.Clone(b)
		idShift{picture, tl0}.add(read(b)).put(changed)
		idShift{-picture, -tl0}.add(read(changed)).put(changed)
		if !bytes.Equal(b, changed) {
			t.Errorf("% x became % x", b, changed)
		}
	})
}
