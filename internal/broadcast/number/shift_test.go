package number

import (
	"bytes"
	"testing"

	"porthole/internal/codec"
)

// What follows a change follows what was there before, over the end of the numbers too.
func TestIDsGoOnAfterAChange(t *testing.T) {
	long := func(picture uint16, tl0 uint8) codec.PictureIDs {
		return codec.PictureIDs{Picture: picture, TL0: tl0, Long: true, PictureAt: 2, TL0At: 4}
	}
	for _, tt := range []struct {
		name        string
		last, first codec.PictureIDs
		picture     uint16
		tl0         uint8
	}{
		{"back", long(5000, 9), long(3000, 200), 5001, 10},
		{"ahead", long(3000, 200), long(5000, 9), 3001, 201},
		{"at the end", long(0x7fff, 255), long(70, 4), 0, 0},
		{"short", codec.PictureIDs{Picture: 0x7f, PictureAt: 2}, codec.PictureIDs{Picture: 5, PictureAt: 2}, 0, 0},
		{"another length", codec.PictureIDs{Picture: 9, PictureAt: 2}, long(5000, 3), 5000, 3},
		{"nothing before", codec.PictureIDs{}, long(5000, 3), 5000, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ShiftAfter(tt.last, tt.first).Add(tt.first)
			if got.Picture != tt.picture || got.TL0 != tt.tl0 {
				t.Errorf("picture %d, TL0PICIDX %d; want %d and %d", got.Picture, got.TL0, tt.picture, tt.tl0)
			}
		})
	}
}

// Whatever a publisher sends, only the ids are changed, and they can be changed back.
func FuzzShiftedIDs(f *testing.F) {
	f.Add([]byte{0x90, 0xe0, 0x92, 0x34, 7, 0x20, 9}, uint16(77), uint8(3), true)
	f.Add([]byte{0xac, 0x45, 0x10, 7, 9}, uint16(0x7fff), uint8(255), false)
	f.Fuzz(func(t *testing.T, b []byte, picture uint16, tl0 uint8, vp8 bool) {
		read := codec.PictureIDReader(codec.Codec{MimeType: codec.VP9})
		if vp8 {
			read = codec.PictureIDReader(codec.Codec{MimeType: codec.VP8})
		}
		changed := bytes.Clone(b)
		Shift{picture, tl0}.Add(read(b)).Put(changed)
		Shift{-picture, -tl0}.Add(read(changed)).Put(changed)
		if !bytes.Equal(b, changed) {
			t.Errorf("% x became % x", b, changed)
		}
	})
}
