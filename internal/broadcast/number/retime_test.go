package number

import (
	"testing"
	"time"
)

// The packets of a picture have one timestamp, in whatever order they come: also when it was
// made here, and the first packet was overtaken by the next.
func TestRetimedPicturesStayTogether(t *testing.T) {
	const rate, frameTime = 90_000, time.Second / 30
	for name, step := range map[string]uint32{"the clock is slow": rate / 60, "the clock stands still": 0} {
		for order, places := range map[string][]uint16{"as sent": {0, 1, 2}, "the second first": {1, 0, 2}, "the last first": {2, 0, 1}} {
			t.Run(name+", "+order, func(t *testing.T) {
				r, made := NewRetimer(rate), 0
				var before uint32
				for picture := range 600 {
					now, in := int64(time.Duration(picture)*frameTime), uint32(picture)*step
					first := uint16(picture * len(places))
					var stamps []uint32
					for _, place := range places {
						out, broken := r.Fix(first+place, in, int(place) == len(places)-1, now)
						if broken {
							stamps = append(stamps, out)
						}
						now += int64(time.Millisecond)
					}
					if len(stamps) < len(places) {
						continue
					}
					if made++; stamps[1] != stamps[0] || stamps[2] != stamps[0] || stamps[0] == before {
						t.Fatalf("picture %d has the timestamps %d, the one before %d", picture, stamps, before)
					}
					before = stamps[0]
				}
				if made < 300 {
					t.Errorf("%d of 600 pictures were retimed", made)
				}
			})
		}
	}
}
