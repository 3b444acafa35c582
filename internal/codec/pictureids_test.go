package codec

import (
	"bytes"
	"testing"
)

func TestPictureIDs(t *testing.T) {
	for _, tt := range []struct {
		name string
		read func([]byte) PictureIDs
		b    []byte
		want PictureIDs
	}{
		{"VP8 without extension", vp8IDs, []byte{0x10, 1, 2, 3}, PictureIDs{}},
		{"VP8, 7 bits", vp8IDs, []byte{0x90, 0x80, 0x45, 9}, PictureIDs{Picture: 0x45, PictureAt: 2}},
		{"VP8, 15 bits", vp8IDs, []byte{0x90, 0x80, 0x92, 0x34, 9}, PictureIDs{Picture: 0x1234, PictureAt: 2, Long: true}},
		{"VP8, 15 bits and TL0", vp8IDs, []byte{0x90, 0xe0, 0x92, 0x34, 7, 0x20, 9}, PictureIDs{Picture: 0x1234, PictureAt: 2, Long: true, TL0: 7, TL0At: 4}},
		{"VP8, TL0 alone", vp8IDs, []byte{0x90, 0x40, 7, 9}, PictureIDs{TL0: 7, TL0At: 2}},
		{"VP8, cut", vp8IDs, []byte{0x90, 0x80, 0x92}, PictureIDs{}},
		{"VP8, nothing behind the flags", vp8IDs, []byte{0x90, 0xc0}, PictureIDs{}},
		{"VP9, none", vp9IDs, []byte{0x0c, 1, 2}, PictureIDs{}},
		{"VP9, 15 bits", vp9IDs, []byte{0x8c, 0x92, 0x34, 9}, PictureIDs{Picture: 0x1234, PictureAt: 1, Long: true}},
		{"VP9, 7 bits and TL0", vp9IDs, []byte{0xac, 0x45, 0x10, 7, 9}, PictureIDs{Picture: 0x45, PictureAt: 1, TL0: 7, TL0At: 3}},
		{"VP9, flexible", vp9IDs, []byte{0xbc, 0x45, 0x10, 7, 9}, PictureIDs{Picture: 0x45, PictureAt: 1}},
		{"empty", vp8IDs, nil, PictureIDs{}},
		{"empty", vp9IDs, nil, PictureIDs{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.read(tt.b)
			if got != tt.want {
				t.Fatalf("%+v, want %+v", got, tt.want)
			}
			b := bytes.Repeat([]byte{0xff}, len(tt.b))
			copy(b, tt.b)
			got.Put(b)
			if !bytes.Equal(b, tt.b) {
				t.Errorf("written back: % x, want % x", b, tt.b)
			}
		})
	}
}

// Whatever a publisher sends, ids are written to where they were read, and to no other place.
func FuzzPictureIDs(f *testing.F) {
	f.Add([]byte{0x90, 0xe0, 0x92, 0x34, 7, 0x20, 9}, uint16(77), uint8(3), true)
	f.Add([]byte{0xac, 0x45, 0x10, 7, 9}, uint16(0x7fff), uint8(255), false)
	f.Fuzz(func(t *testing.T, b []byte, picture uint16, tl0 uint8, vp8 bool) {
		read := vp9IDs
		if vp8 {
			read = vp8IDs
		}
		ids := read(b)
		want := ids
		if ids.PictureAt > 0 {
			if want.Picture = picture & 0x7fff; !ids.Long {
				want.Picture &= 0x7f
			}
		}
		if ids.TL0At > 0 {
			want.TL0 = tl0
		}
		changed := bytes.Clone(b)
		want.Put(changed)
		if got := read(changed); got != want {
			t.Errorf("% x: wrote %+v, read %+v", b, want, got)
		}
		ids.Put(changed)
		if !bytes.Equal(b, changed) {
			t.Errorf("% x became % x", b, changed)
		}
	})
}
