package v4l2

import (
	"testing"
	"time"
)

func TestCaptureTimes(t *testing.T) {
	begin := time.Now()
	at := func(ms int) time.Time { return begin.Add(time.Duration(ms) * time.Millisecond) }
	var times captureTimes
	for i, step := range []struct {
		what           string
		stamp, arrived time.Time
		want           time.Time
	}{
		{"as the driver says", at(0), at(30), at(0)},
		{"also when it comes late", at(40), at(200), at(40)},
		{"or a little early", at(90), at(80), at(90)},
		{"never before the one before", at(60), at(120), at(91)},
		{"a clock that is years behind", begin.Add(-1e6 * time.Hour), at(160), at(160)},
		{"or ahead", at(500), at(200), at(200)},
		{"or none", time.Time{}, at(240), at(240)},
	} {
		if got := times.next(step.stamp, step.arrived); got.Sub(step.want).Abs() > time.Millisecond {
			t.Errorf("%d, %s: %v, want %v", i, step.what, got.Sub(begin), step.want.Sub(begin))
		}
	}
}
