package load

import (
	"math"
	"testing"
	"time"
)

func TestHistogramKeepsDurationsToOnePercent(t *testing.T) {
	for d := time.Microsecond; d < 10*time.Hour; d = d*11/10 + time.Microsecond {
		for _, d := range []time.Duration{d, -d} {
			var h histogram
			h.add(-20 * time.Hour) // so that the least and the greatest do not help
			h.add(d)
			h.add(20 * time.Hour)
			want := milliseconds(d)
			if got := h.distribution().P50; math.Abs(got-want) > 0.01*math.Abs(want)+0.001 {
				t.Fatalf("%v: got %v ms", d, got)
			}
		}
	}
}

func TestHistogramBucketsAreContiguous(t *testing.T) {
	for i := range histogramSide {
		if got := bucket(lowest(i)); got != i {
			t.Fatalf("the shortest duration of bucket %d, %v, is counted in %d", i, lowest(i), got)
		}
		if got := bucket(lowest(i+1) - 1); got != i {
			t.Fatalf("the longest duration of bucket %d is counted in %d", i, got)
		}
	}
	if got := bucket(math.MaxInt64); got != histogramSide-1 {
		t.Errorf("the longest duration of all is counted in %d", got)
	}
}

func TestHistogramRanksLikeDistribution(t *testing.T) {
	var h histogram
	if got := h.distribution(); got != (Distribution{}) {
		t.Errorf("of nothing: got %+v", got)
	}
	for _, ms := range []time.Duration{5, -1, 3, 2, 4} {
		h.add(ms * time.Millisecond)
	}
	got := h.distribution()
	if got.Count != 5 || got.Min != -1 || got.Max != 5 || got.P99 != 5 || math.Abs(got.P50-3) > 0.03 {
		t.Errorf("got %+v", got)
	}
}
