package pipeline

import (
	"math"
	"strconv"
	"time"

	"porthole/capture/scale"
	"porthole/capture/source"
	"porthole/internal/broadcast"
)

const (
	// leastRows is how many rows a half must have to be worth while.
	leastRows = 160
	// leastBitrate is what a rung gets at least, in bits a second.
	leastBitrate = 60_000
	// pixelExponent and timeExponent say how bit rates follow the numbers of pixels and of pictures: smaller pictures need more for each
	// pixel, and fewer of them more for each picture. 2500 kbit/s in 720p30 are 508 in 360p15, and 146 in 180p15.
	pixelExponent, timeExponent = 0.9, 0.5
	// rungInterval is the least time between two pictures of a rung: of a source with 30 a second, it takes every other one.
	// Whoever needs a smaller picture has not the bits for more, and encoding the ladder must cost little beside the large one.
	rungInterval = 45 * time.Millisecond
	// topLayers and rungLayers are numbers of temporal layers, for 30, 15 and 7.5 pictures a second.
	topLayers, rungLayers = 3, 2
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

// rungRate is how many pictures a second a rung has of a source with fps.
func rungRate(fps float64) float64 {
	return fps / max(math.Ceil(fps*rungInterval.Seconds()), 1)
}

// rungBitrate is what a smaller picture gets when the large one gets bitrate, and there are so many of it for one of the large.
func rungBitrate(bitrate int, large, small broadcast.Nominal, pictures float64) uint64 {
	pixels := float64(small.Width*small.Height) / float64(large.Width*large.Height)
	rate := float64(bitrate) * math.Pow(pixels, pixelExponent) * math.Pow(pictures, timeExponent)
	return uint64(min(max(rate, leastBitrate), float64(bitrate)))
}

// rungName is the RID of an encoding: by its height, as people call it.
func rungName(n broadcast.Nominal) string { return strconv.Itoa(n.Height) + "p" }
