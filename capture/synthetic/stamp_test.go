package synthetic

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"porthole/capture/media"
)

func TestStampRoundTrip(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, size := range [][2]int{{160, 90}, {320, 180}, {640, 480}, {854, 480}, {1280, 720}, {1920, 1080}, {3840, 2160}} {
		width, height := size[0], size[1]
		luma := make([]byte, width*height)
		for range 20 {
			want := Stamp{
				Time:  time.UnixMicro(random.Int64N(1 << 52)),
				Frame: uint16(random.IntN(4096)),
			}
			want.Draw(luma, width, width)
			got, err := DecodeStamp(luma, width, width, height)
			if err != nil || !got.Time.Equal(want.Time) || got.Frame != want.Frame {
				t.Errorf("%dx%d: got %v, %v, want %v", width, height, got, err, want)
			}
		}
	}
}

// TestStampLayout pins the layout that the players' pages read.
func TestStampLayout(t *testing.T) {
	const width, height, block = 1280, 720, 32
	luma := make([]byte, width*height)
	Stamp{Time: time.UnixMicro(1_700_000_000_123_456), Frame: 0xABC}.Draw(luma, width, width)
	var word [9]byte // 72 bits
	for i := range 72 {
		x, y := i%36*block+block/2, i/36*block+block/2
		if luma[y*width+x] >= 128 {
			word[i/8] |= 0x80 >> (i % 8)
		}
	}
	body := uint64(1_700_000_000_123_456)<<12 | 0xABC
	sum := byte(0xA5)
	for i := range 8 {
		b := byte(body >> (56 - 8*i))
		if word[i] != b {
			t.Errorf("byte %d is %#x, want %#x", i, word[i], b)
		}
		sum ^= b
	}
	if word[8] != sum {
		t.Errorf("checksum is %#x, want %#x", word[8], sum)
	}
	for column := 36; column < 40; column++ {
		for row := range 2 {
			if got := luma[(row*block+block/2)*width+column*block+block/2]; got < 100 || got > 150 {
				t.Errorf("block %d of row %d has luma %d, want grey", column, row, got)
			}
		}
	}
}

func TestDecodeStampRefuses(t *testing.T) {
	const width, height = 640, 480
	plain := func(luma byte) []byte {
		y := make([]byte, width*height)
		media.Fill(y, luma)
		return y
	}
	damaged := plain(0)
	Stamp{Time: time.UnixMicro(12345), Frame: 7}.Draw(damaged, width, width)
	media.Fill(damaged[8*width:8*width+16], 255) // the first bit

	for name, y := range map[string][]byte{
		"black": plain(0), "white": plain(255), "grey": plain(128), "one bit wrong": damaged,
		"empty": nil, "short": make([]byte, 100),
	} {
		if got, err := DecodeStamp(y, width, width, height); !errors.Is(err, ErrStamp) {
			t.Errorf("%s: got %v, %v, want ErrStamp", name, got, err)
		}
	}
	if _, err := DecodeStamp(plain(0), 20, 20, 20); !errors.Is(err, ErrStamp) {
		t.Errorf("a picture too small for a stamp: %v, want ErrStamp", err)
	}
	if _, err := DecodeStamp(plain(0), -1, width, height); !errors.Is(err, ErrStamp) {
		t.Errorf("a negative stride: %v, want ErrStamp", err)
	}
}
