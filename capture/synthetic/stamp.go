package synthetic

import (
	"errors"
	"time"

	"porthole/capture/media"
)

// Stamp is the machine-readable clock in the top rows of the test picture. It survives encoding, so whoever
// decodes a picture can tell when it was drawn and which one it is.
//
// Layout: two rows of 36 blocks from the top left corner, each block width/40 pixels wide and as high, rounded up
// to an even number. 72 bits, most significant first, 36 in each row, white is 1, black is 0:
//
//	52 bits  Unix time in microseconds of the moment of drawing, modulo 2^52
//	12 bits  frame number modulo 4096
//	 8 bits  checksum: XOR of the 8 bytes before it, XOR 0xA5, so that an all-black or all-white picture fails
//
// The last four blocks of both rows stay grey.
type Stamp struct {
	Time  time.Time // to the microsecond
	Frame uint16    // 0 to 4095, then 0 again
}

// ErrStamp is returned by DecodeStamp for a picture that shows no valid stamp.
var ErrStamp = errors.New("no valid time stamp in the picture")

const (
	stampColumns = 40 // block widths in a picture width
	stampBits    = 36 // per row
	stampTime    = 1<<52 - 1
	stampFrame   = 1<<12 - 1
	stampSalt    = 0xA5
)

// stampBlock is the size of one block in a picture of this width.
func stampBlock(width int) (w, h int) {
	w = width / stampColumns
	return w, w + w%2
}

// words are the two rows, each in the low 36 bits.
func (s Stamp) words() (top, bottom uint64) {
	body := (uint64(s.Time.UnixMicro())&stampTime)<<12 | uint64(s.Frame)&stampFrame
	sum := stampChecksum(body)
	return body >> 28, body<<8&(1<<stampBits-1) | uint64(sum)
}

func stampChecksum(body uint64) byte {
	sum := byte(stampSalt)
	for shift := 0; shift < 64; shift += 8 {
		sum ^= byte(body >> shift)
	}
	return sum
}

// Draw writes the stamp over the top of a luma plane, if there is room.
func (s Stamp) Draw(y []byte, stride, width int) {
	w, h := stampBlock(width)
	if len(y) < (2*h-1)*stride+width {
		return
	}
	top, bottom := s.words()
	for row, word := range [2]uint64{top, bottom} {
		first := y[row*h*stride:]
		for column := range stampColumns {
			luma := byte(media.LumaGrey)
			if column < stampBits {
				luma = media.LumaBlack
				if word>>(stampBits-1-column)&1 == 1 {
					luma = media.LumaWhite
				}
			}
			media.Fill(first[column*w:(column+1)*w], luma)
		}
		media.Fill(first[stampColumns*w:width], media.LumaGrey)
		for line := 1; line < h; line++ {
			copy(first[line*stride:line*stride+width], first[:width])
		}
	}
}

// DecodeStamp reads the stamp from the luma plane of a decoded picture, in the size that it was drawn in.
// It samples the centre of every block. The error is ErrStamp.
func DecodeStamp(y []byte, stride, width, height int) (Stamp, error) {
	w, h := stampBlock(width)
	if w == 0 || stride < width || height < 2*h || len(y) < (2*h-1)*stride+width {
		return Stamp{}, ErrStamp
	}
	var words [2]uint64
	for row := range words {
		line := y[(row*h+h/2)*stride:]
		for column := range stampBits {
			words[row] <<= 1
			if line[column*w+w/2] >= 128 {
				words[row] |= 1
			}
		}
	}
	body := words[0]<<28 | words[1]>>8
	if byte(words[1]) != stampChecksum(body) {
		return Stamp{}, ErrStamp
	}
	return Stamp{Time: time.UnixMicro(int64(body >> 12)), Frame: uint16(body & stampFrame)}, nil
}
