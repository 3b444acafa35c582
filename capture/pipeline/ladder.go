package pipeline

import (
	"math"
	"strconv"

	"porthole/capture/scale"
	"porthole/capture/source"
	"porthole/internal/broadcast"
)

const (
	// leastRows is how many rows a half must have to be worth while.
	leastRows = 160
	// leastBitrate is what a rung gets at least, in bits a second.
	leastBitrate = 60_000
	// rateExponent says how bit rates follow numbers of pixels: smaller pictures need more for each. 2500 kbit/s in 720p are
	// 720 in 360p, and 205 in 180p, which with sound and all headers go through 0.5 Mbit/s.
	rateExponent = 0.9
)

// rungSizes returns what a picture of this size is encoded as besides itself, in falling order.
func rungSizes(l source.Ladder, width, height int) (sizes []broadcast.Nominal) {
	if l.Auto {
		for w, h := scale.Half(width), scale.Half(height); h >= leastRows; w, h = scale.Half(w), scale.Half(h) {
			sizes = append(sizes, broadcast.Nominal{Width: w, Height: h})
		}
		return sizes[:min(len(sizes), source.MaxRungs)]
	}
	for _, h := range l.Heights {
		if w := (width*h + height/2) / height &^ 1; h > 0 && h < height && w >= 2 {
			sizes = append(sizes, broadcast.Nominal{Width: w, Height: h})
		}
	}
	return sizes
}

// rungBitrate is what a smaller picture gets when the large one gets bitrate.
func rungBitrate(bitrate int, large, small broadcast.Nominal) uint64 {
	share := float64(small.Width*small.Height) / float64(large.Width*large.Height)
	return uint64(min(max(float64(bitrate)*math.Pow(share, rateExponent), leastBitrate), float64(bitrate)))
}

// rungName is the RID of an encoding: by its height, as people call it.
func rungName(n broadcast.Nominal) string { return strconv.Itoa(n.Height) + "p" }
