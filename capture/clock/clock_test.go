package clock

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestRTPClock(t *testing.T) {
	epoch := time.Now()
	clock := RTP{Epoch: epoch, Base: math.MaxUint32 - 10, Rate: 90000}
	for _, test := range []struct {
		after time.Duration
		ticks uint64
	}{
		{0, 0},
		{time.Second / 30, 2999}, // 33 333 333 ns, rounded down
		{time.Second, 90000},
		{30 * time.Hour, 30 * 3600 * 90000}, // nanoseconds times 90000 would have overflowed
		{1000 * time.Hour, 1000 * 3600 * 90000},
	} {
		if got, want := clock.At(epoch.Add(test.after)), clock.Base+uint32(test.ticks); got != want {
			t.Errorf("after %v: got %d, want %d", test.after, got, want)
		}
	}
}

func TestRateMeter(t *testing.T) {
	for _, test := range []struct {
		name   string
		rates  []int // of one second after the other
		expect []int // what changes are told
	}{
		{"as expected", []int{30, 30, 30, 30, 30, 30}, nil},
		{"nearly as expected", []int{27, 27, 33, 33, 27, 27}, nil},
		{"never as fast", []int{15, 15, 15, 15, 15, 15}, []int{15}},
		{"slower later", []int{30, 30, 30, 30, 15, 15, 15, 15, 15, 15}, []int{15}},
		{"a hiccup", []int{30, 30, 30, 30, 10, 10, 30, 30, 30, 30}, nil},
		{"up and down", []int{30, 30, 30, 60, 60, 10, 10, 60, 60, 10, 10}, nil},
		{"slower and back", []int{30, 30, 10, 10, 10, 10, 10, 30, 30, 30, 30, 30, 30}, []int{10, 30}},
	} {
		t.Run(test.name, func(t *testing.T) {
			meter := RateMeter{Window: 2 * time.Second}
			at := time.Now()
			rate := 30.0
			var got []int
			for _, fps := range test.rates {
				for range fps {
					if measured, changed := meter.Observe(at, rate); changed {
						rate = measured
						got = append(got, int(math.Round(measured)))
					}
					at = at.Add(time.Second / time.Duration(fps))
				}
			}
			if !slices.Equal(got, test.expect) {
				t.Errorf("told %v, want %v", got, test.expect)
			}
		})
	}
}

func TestSmootherEvensOutJitter(t *testing.T) {
	const period = time.Second / 30
	random := rand.New(rand.NewPCG(1, 1))
	start := time.Now()
	var s Smoother
	var last time.Time
	worst := time.Duration(0)
	for i := range 3000 {
		exposed := start.Add(time.Duration(i) * period)
		arrived := exposed.Add(time.Duration(random.Int64N(int64(8 * time.Millisecond))))
		got := s.Next(arrived)
		if i > 300 {
			worst = max(worst, (got.Sub(last) - period).Abs())
			if off := got.Sub(exposed); off < -2*time.Millisecond || off > 10*time.Millisecond {
				t.Fatalf("picture %d is stamped %v from its exposure", i, off)
			}
		}
		last = got
	}
	if worst > 2*time.Millisecond {
		t.Errorf("pictures are up to %v uneven, want less than 2 ms of the 8 ms that came in", worst)
	}
}

func TestSmootherFollows(t *testing.T) {
	var s Smoother
	at := time.Now()
	step := func(gap time.Duration) (off time.Duration) {
		at = at.Add(gap)
		return s.Next(at).Sub(at).Abs()
	}
	for range 50 {
		step(33 * time.Millisecond)
	}
	if off := step(500 * time.Millisecond); off != 0 {
		t.Errorf("after a pause it is %v off, want none", off)
	}
	for range 50 {
		step(33 * time.Millisecond)
	}
	for i := range 100 { // the light goes, the rate halves
		if off := step(66 * time.Millisecond); off > 33*time.Millisecond {
			t.Fatalf("picture %d after the change is %v off", i, off)
		}
	}
	if off := step(66 * time.Millisecond); off > time.Millisecond {
		t.Errorf("long after the change it is %v off", off)
	}
}

func TestSmootherNeverGoesBack(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	var s Smoother
	at := time.Now()
	last := s.Next(at)
	for range 10_000 {
		at = at.Add(time.Duration(random.Int64N(int64(100 * time.Millisecond))))
		got := s.Next(at)
		if !got.After(last) {
			t.Fatalf("%v does not come after %v", got, last)
		}
		last = got
	}
}

func TestThinner(t *testing.T) {
	for _, test := range []struct {
		from, to, want int // pictures a second
	}{{60, 30, 30}, {50, 30, 30}, {30, 10, 10}, {120, 24, 24}} {
		thin := Thinner{Interval: time.Second / time.Duration(test.to)}
		at := time.Now()
		kept := 0
		for range 10 * test.from {
			if thin.Keep(at) {
				kept++
			}
			at = at.Add(time.Second / time.Duration(test.from))
		}
		if math.Abs(float64(kept-10*test.want)) > 2 {
			t.Errorf("%d of %d pictures in 10 s at %d a second, want %d", kept, 10*test.from, test.from, 10*test.want)
		}
	}
	var all Thinner
	for range 3 {
		if !all.Keep(time.Now()) {
			t.Error("the zero thinner leaves pictures out")
		}
	}
}

func TestSampleClock(t *testing.T) {
	const chunk = 480 // 10 ms
	start := time.Now()
	run := func(speed float64, jitter time.Duration) (off time.Duration) {
		random := rand.New(rand.NewPCG(1, 1))
		clock := Samples{Rate: 48000}
		for i := range 60_000 { // ten minutes
			real := start.Add(time.Duration(float64(i) * float64(10*time.Millisecond) / speed))
			if lost := clock.Observe(real.Add(time.Duration(random.Int64N(int64(jitter)+1))), chunk); lost != 0 {
				t.Fatalf("chunk %d: %d samples are said to be lost", i, lost)
			}
			off = clock.At(clock.Count - chunk).Sub(real).Abs()
		}
		return off
	}
	if off := run(1, 15*time.Millisecond); off > 15*time.Millisecond {
		t.Errorf("with a right clock and late chunks it is %v off", off)
	}
	if off := run(1.0002, 0); off > 5*time.Millisecond {
		t.Errorf("with a sound card that is 0.02 %% too fast it is %v off after ten minutes", off)
	}
}

func TestSampleClockFindsGaps(t *testing.T) {
	clock := Samples{Rate: 48000}
	at := time.Now()
	clock.Observe(at, 4800)
	at = at.Add(100*time.Millisecond + time.Second)
	lost := clock.Observe(at, 4800)
	if lost != 48000 {
		t.Errorf("%d samples lost, want %d", lost, 48000)
	}
	if got := clock.At(clock.Count - 4800); got.Sub(at).Abs() > time.Millisecond {
		t.Errorf("after the gap it is %v off", got.Sub(at))
	}
}
