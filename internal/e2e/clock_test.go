//go:build e2e

package e2e_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"
)

// clock is what a picture of the test pattern says about itself.
type clock struct {
	captured time.Time
	number   int // of the frame, modulo 4096
}

// The pattern writes 72 bits as blocks, the picture's width/40 wide and about
// as high, 36 in each of two rows at the top left; white is one.
const (
	clockColumns = 40
	clockBits    = 36 // in a row
	clockMask    = 0xA5
)

// blockSize returns width and height of the blocks in a picture of that width.
func blockSize(width int) (w, h int) {
	w = width / clockColumns
	return w, w + w%2
}

// readClock reads the top two rows of blocks of a grey picture.
func readClock(grey []byte, width int) (clock, error) {
	blockW, blockH := blockSize(width)
	var bits [2]uint64
	for row := range bits {
		y := row*blockH + blockH/2
		for column := range clockBits {
			bits[row] <<= 1
			if grey[y*width+column*blockW+blockW/2] >= 128 {
				bits[row] |= 1
			}
		}
	}
	// 72 bits: the upper 64 are the stamp, the lower 8 its checksum.
	stamp := bits[0]<<28 | bits[1]>>8
	sum := byte(clockMask)
	for shift := 0; shift < 64; shift += 8 {
		sum ^= byte(stamp >> shift)
	}
	if sum != byte(bits[1]) {
		return clock{}, fmt.Errorf("stamp %016x has checksum %02x, want %02x", stamp, byte(bits[1]), sum)
	}
	// Microseconds modulo 2^52 are good until the year 2112.
	return clock{time.UnixMicro(int64(stamp >> 12)), int(stamp & 0xfff)}, nil
}

// decodeClocks decodes pictures of the test pattern, the first of which must
// be a keyframe, and reads the clock of each.
func decodeClocks(t testing.TB, pictures []picture, width int) []clock {
	t.Helper()
	var stream bytes.Buffer
	for _, p := range pictures {
		stream.Write(p.annexB)
	}
	_, blockH := blockSize(width)
	size := width * 2 * blockH
	// Only the rows with the clock come out; no frame is repeated or left out for the sake of a rate.
	out := runFFmpeg(t, stream.Bytes(), "-f", "h264", "-i", "-",
		"-vf", fmt.Sprintf("crop=%d:%d:0:0,format=gray", width, 2*blockH),
		"-vsync", "passthrough", "-f", "rawvideo", "-")
	if len(out) != len(pictures)*size {
		t.Fatalf("%d frames were received, but %.2f decoded", len(pictures), float64(len(out))/float64(size))
	}
	clocks := make([]clock, 0, len(pictures))
	for i, grey := range slices.Collect(slices.Chunk(out, size)) {
		c, err := readClock(grey, width)
		if err != nil {
			t.Fatalf("picture %d of %d: %v", i, len(pictures), err)
		}
		clocks = append(clocks, c)
	}
	return clocks
}

// delays returns, for each picture, the time from capture to arrival, sorted.
func delays(clocks []clock, pictures []picture) []time.Duration {
	all := make([]time.Duration, len(clocks))
	for i := range clocks {
		all[i] = pictures[i].arrived.Sub(clocks[i].captured)
	}
	slices.Sort(all)
	return all
}

// quantile returns the value below which the share q of sorted values lies.
func quantile[T any](sorted []T, q float64) T {
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
