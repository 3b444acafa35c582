package broadcast_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"porthole/internal/broadcast"
)

// moment is how finely simulated viewers live.
const moment = time.Millisecond

// simulate lets a publisher and its viewers live for some time.
func simulate(d time.Duration, source *simSource, viewers ...*pathViewer) {
	for range int(d / moment) {
		time.Sleep(moment)
		synctest.Wait()
		now := time.Now()
		source.tick(now)
		synctest.Wait()
		for _, v := range viewers {
			if v.tick(now) {
				synctest.Wait()
			}
		}
	}
}

// trace logs how a viewer fares, for whoever looks into it.
func (v *pathViewer) trace(d time.Duration) {
	s, n, at := v.between(d-time.Second, d), v.viewer.Stats(), time.Since(v.began).Round(time.Second)
	v.t.Logf("%3v: %4.1f/s pause %4d ms delay %3d ms sound %3d/%3d ms -%d | %v %v %d kbit/s rid %q temporal %d needs %d fits %v | sent %d resent %d probes %d drops %d late %d",
		at, s.pictures, s.pause.Milliseconds(), s.delay.Milliseconds(), s.soundDelay.Milliseconds(), s.soundWorst.Milliseconds(), s.soundLost,
		n.Network.State, n.Network.Limit, n.Network.Estimate/1000, n.RID, n.Network.Temporal, n.Network.Needs/1000, n.Network.Fits,
		n.Packets, n.Resent, n.Probes, v.path.dropped(d-time.Second, d), n.Drops[broadcast.DropLate])
}

// live simulates so many seconds, and tells of each.
func live(seconds int, source *simSource, viewers ...*pathViewer) {
	for range seconds {
		simulate(time.Second, source, viewers...)
		for _, v := range viewers {
			v.trace(time.Since(v.began))
		}
	}
}

const begins = 3 * time.Second // what comes before does not count

// sums tells of all that counts, and returns it.
func (v *pathViewer) sums(from, to time.Duration) (seen, broadcast.ViewerStats) {
	s, n := v.between(from, to), v.viewer.Stats()
	first := v.between(0, from)
	v.t.Logf("the beginning: %.1f pictures a second, the longest pause %v, sound lost %d", first.pictures, first.pause.Round(moment), first.soundLost)
	v.t.Logf("%.1f pictures a second, longest pause %v, delay %v, rungs %.2f, sound lost %d, delay %v, at most %v; %d packets, %.1f %% resent, %.1f %% of probes, %d dropped by the queue",
		s.pictures, s.pause.Round(moment), s.delay.Round(moment), s.rungs, s.soundLost, s.soundDelay.Round(moment), s.soundWorst.Round(moment),
		n.Packets, 100*float64(n.Resent)/float64(n.Packets), 100*float64(n.Probes)/float64(n.Packets), v.path.dropped(from, to))
	return s, n
}

// resent returns the share of packets sent again of those sent since an earlier time.
func resent(before, after broadcast.ViewerStats) float64 {
	return float64(after.Resent-before.Resent) / float64(after.Packets-before.Packets)
}

// A camera with a ladder, to one viewer behind a narrow path.
func TestNarrowPaths(t *testing.T) {
	for _, tt := range []struct {
		name      string
		rate      float64
		delay     time.Duration // one way
		mostDelay time.Duration
	}{
		{"2 Mbit/s", 2e6, 10 * time.Millisecond, 600 * time.Millisecond},
		{"1 Mbit/s", 1e6, 10 * time.Millisecond, 600 * time.Millisecond},
		{"0.5 Mbit/s", 0.5e6, 10 * time.Millisecond, 600 * time.Millisecond},
		{"1 Mbit/s, 200 ms away", 1e6, 100 * time.Millisecond, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, broadcast.Config{Senders: 1}, func(t *testing.T, b *broadcast.Broadcaster) {
				source := ladderOfThree(t, b)
				simulate(time.Second, source)
				v := watchOver(t, b, newPath(tt.rate, 200*time.Millisecond, tt.delay))
				const length = 40 * time.Second
				live(3, source, v)
				first := v.viewer.Stats()
				live(37, source, v)
				s, n := v.sums(begins, length)
				if s.pause > time.Second || s.pictures < 12 || s.delay > tt.mostDelay {
					t.Errorf("%.1f pictures a second, the longest pause %v, a delay of %v", s.pictures, s.pause, s.delay)
				}
				if began := v.between(0, begins); began.pause > 1500*time.Millisecond {
					t.Errorf("a pause of %v at the beginning", began.pause)
				}
				if r := resent(first, n); r > 0.1 {
					t.Errorf("%.0f %% of the packets were sent again", 100*r)
				}
				if drops := v.path.dropped(begins, length); drops > 20 {
					t.Errorf("%d packets found the queue full", drops)
				}
				if s.soundLost > 0 || s.soundDelay > s.delay+20*time.Millisecond || s.soundWorst > tt.delay+220*time.Millisecond {
					t.Errorf("sound: %d packets lost, a delay of %v, at most %v; pictures: %v", s.soundLost, s.soundDelay, s.soundWorst, s.delay)
				}
			})
		})
	}
}

// A path that becomes narrower, and wide again, at several moments of the publisher's.
func TestPathThatChanges(t *testing.T) {
	const phases = 24
	slow := 0
	for i := range phases {
		bubble(t, broadcast.Config{Senders: 1}, func(t *testing.T, b *broadcast.Broadcaster) {
			source := ladderOfThree(t, b)
			simulate(time.Second+time.Duration(i)*150*time.Millisecond, source)
			p := newPath(0, 200*time.Millisecond, 10*time.Millisecond)
			const narrow, wide, length = 20 * time.Second, 40 * time.Second, 60 * time.Second
			free := i%2 == 1 // until then, so that few packets are reported on
			longest := time.Second
			if free {
				longest += 1500 * time.Millisecond // more than 1.5 s at one moment of three hundred
			}
			p.rate = func(at time.Duration) float64 {
				if at >= narrow && at < wide {
					return 0.8e6
				}
				if free {
					return 20e6
				}
				return 2.5e6
			}
			v := watchOver(t, b, p)
			live(int(length/time.Second), source, v)
			s, _ := v.sums(begins, length)
			down := v.firstOf(narrow, func(rung uint8) bool { return rung > 0 })
			up := v.firstOf(wide, func(rung uint8) bool { return rung == 0 })
			t.Logf("a lower rung after %v, the top one after %v", down.Round(moment), up.Round(moment))
			if down < 0 || down > 2*time.Second || up < 0 {
				t.Errorf("a lower rung after %v, the top one after %v", down, up)
			}
			if up > 10*time.Second {
				slow++
			}
			if first := v.between(0, begins); s.pause > longest || first.pause > 1500*time.Millisecond {
				t.Errorf("a pause of %v, at the beginning of %v", s.pause, first.pause)
			}
			if before := v.between(narrow-5*time.Second, narrow); before.rungs[0] < 1 || before.pictures < 14 {
				t.Errorf("before it became narrow, %.1f pictures a second, of the rungs %.2f", before.pictures, before.rungs)
			}
		})
	}
	if slow > 3 { // a probe at the wrong moment is not believed for a while
		t.Errorf("%d times of %d it took more than 10 s until the top rung was back", slow, phases)
	}
}

// A path that is wide enough, and loses packets.
func TestPathThatLoses(t *testing.T) {
	bubble(t, broadcast.Config{Senders: 1}, func(t *testing.T, b *broadcast.Broadcaster) {
		source := ladderOfThree(t, b)
		simulate(time.Second, source)
		p := newPath(20e6, 200*time.Millisecond, 30*time.Millisecond)
		p.loss = 0.05
		v := watchOver(t, b, p)
		const length = 60 * time.Second
		live(int(length/time.Second), source, v)
		s, _ := v.sums(begins, length)
		if s.rungs[0] < 1 || s.pause > 500*time.Millisecond || s.pictures < 29 {
			t.Errorf("%.1f pictures a second, the longest pause %v, of the rungs %.2f", s.pictures, s.pause, s.rungs)
		}
		if v.hasty > 0 {
			t.Errorf("%d packets were sent again within a round trip", v.hasty)
		}
	})
}

// jain is the index of fairness: 1 when all have the same.
func jain(of []float64) float64 {
	squares := 0.0
	for _, x := range of {
		squares += x * x
	}
	return sum(of) * sum(of) / (float64(len(of)) * squares)
}

func sum(of []float64) (all float64) {
	for _, x := range of {
		all += x
	}
	return all
}

// Ten viewers in one house, one of whom hears nothing any more.
func TestPathIsShared(t *testing.T) {
	bubble(t, broadcast.Config{Senders: 1}, func(t *testing.T, b *broadcast.Broadcaster) {
		source := ladderOfThree(t, b)
		simulate(time.Second, source)
		p := newPath(6e6, 200*time.Millisecond, 10*time.Millisecond)
		var viewers []*pathViewer
		for range 10 {
			viewers = append(viewers, watchOver(t, b, p))
			simulate(300*time.Millisecond, source, viewers...)
		}
		// All come within three seconds, each with the beginning of a picture of the best size. It takes a while until
		// everybody has found out what is left.
		const settled, stalls, length = 15 * time.Second, 75 * time.Second, 135 * time.Second
		var bytes [3][]float64
		part := func(i int, d time.Duration) {
			live(int(d/time.Second), source, viewers...)
			for _, v := range viewers {
				bytes[i] = append(bytes[i], float64(v.bytes))
				v.bytes = 0
			}
		}
		part(0, settled)
		part(1, stalls-settled)
		viewers[0].deaf = true
		part(2, length-stalls)
		fair, without := jain(bytes[1]), jain(bytes[2][1:])
		t.Logf("index of fairness %.3f, without one %.3f", fair, without)
		// It is 0.95 as a rule. The sizes of a ladder are far apart, so that within a minute it may happen to be less.
		if fair < 0.8 || without < 0.8 || fair+without < 2*0.85 {
			t.Errorf("index of fairness %.3f, without one %.3f", fair, without)
		}
		if before, after := sum(bytes[1][1:])/(stalls-settled).Seconds(), sum(bytes[2][1:])/(length-stalls).Seconds(); after < 0.95*before {
			t.Errorf("all others together get %.0f bytes a second, and %.0f when one hears nothing", before, after)
		}
		long := 0 // pauses: one who tries too much makes one for some of the others now and then
		for i, v := range viewers {
			before, after := v.between(settled, stalls), v.between(stalls, length)
			t.Logf("%2d: %.0f and %.0f kbit/s", i, bytes[1][i]*8e-3/(stalls-settled).Seconds(), bytes[2][i]*8e-3/(length-stalls).Seconds())
			v.sums(settled, length)
			if before.pause > time.Second || i > 0 && after.pause > time.Second {
				long++
			}
			if before.pause > 4*time.Second || i > 0 && after.pause > 4*time.Second || i > 0 && after.pictures < 12 || before.pictures < 12 {
				t.Errorf("viewer %d: %.1f pictures a second, the longest pause %v, then %.1f and %v", i, before.pictures, before.pause, after.pictures, after.pause)
			}
			if before.soundLost > 60 || i > 0 && after.soundLost > 60 { // of 3000
				t.Errorf("viewer %d: %d packets of sound lost, then %d", i, before.soundLost, after.soundLost)
			}
		}
		if long > 10 {
			t.Errorf("in %d of 19 minutes, a viewer's picture stood for more than a second", long)
		}
	})
}

// An encoding that the path does not carry, and that cannot be thinned out: a picture of each keyframe, as far as they
// come through, and sound.
func TestPathTooNarrowForTheOnlyEncoding(t *testing.T) {
	for _, tt := range []struct {
		name string
		rate float64
		of   func(*testing.T, *broadcast.Broadcaster) *simSource
		each time.Duration // between keyframes that are shown, at most
		lost int           // packets of sound, of 2850: a probe of the second path fills most of its queue
	}{
		{"large pictures, 1 Mbit/s", 1e6, oneEncoding, 2500 * time.Millisecond, 0},
		{"the lowest of a ladder, 0.1 Mbit/s", 0.1e6, ladderOfThree, 5 * time.Second, 15},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, broadcast.Config{Senders: 1}, func(t *testing.T, b *broadcast.Broadcaster) {
				source := tt.of(t, b)
				simulate(time.Second, source)
				v := watchOver(t, b, newPath(tt.rate, 200*time.Millisecond, 10*time.Millisecond))
				const length = 60 * time.Second
				live(3, source, v)
				first := v.viewer.Stats()
				live(57, source, v)
				s, n := v.sums(begins, length)
				asked := int32(0)
				for _, e := range source.encoders {
					asked += e.asked.Load()
				}
				t.Logf("%d keyframes shown, %d asked for; %.1f %% resent", len(v.picture.keys), asked, 100*resent(first, n))
				if s.soundLost > tt.lost || s.soundWorst > 300*time.Millisecond {
					t.Errorf("%d packets of sound lost, a delay of %v at most", s.soundLost, s.soundWorst)
				}
				if s.pause > tt.each {
					t.Logf("XX a pause of %v", s.pause)
				}
				if n.Network.Fits {
					t.Error("the picture is said to fit")
				}
				if r := resent(first, n); r > 0.1 {
					t.Errorf("%.0f %% of the packets were sent again", 100*r)
				}
				if asked > int32(length/(2*time.Second)) {
					t.Errorf("%d keyframes were asked for", asked)
				}
			})
		})
	}
}

// Whatever the path does: each source's numbers go on by one, no picture is sent that cannot be decoded, the ids of pictures
// go on, and what is sent again stays little. All but the last is looked at with every packet.
func TestAnyPath(t *testing.T) {
	thinned, probes, rungs := uint64(0), uint64(0), map[uint8]bool{}
	for seed := range uint64(30) {
		bubble(t, broadcast.Config{Senders: 1}, func(t *testing.T, b *broadcast.Broadcaster) {
			random := rand.New(rand.NewPCG(seed, 8))
			of := ladderOfThree
			if seed%3 == 0 {
				of = oneEncoding
			}
			source := of(t, b)
			simulate(time.Duration(random.IntN(4000))*time.Millisecond+50*time.Millisecond, source)
			rate, changes := 0.0, time.Duration(0)
			p := newPath(0, time.Duration(50+random.IntN(500))*time.Millisecond, time.Duration(1+random.IntN(150))*time.Millisecond)
			p.loss = max(0, random.Float64()*0.2-0.1)
			p.rate = func(at time.Duration) float64 {
				if at >= changes {
					rate, changes = 50_000*math.Pow(200, random.Float64()), at+time.Duration(200+random.IntN(8000))*time.Millisecond
				}
				return rate
			}
			v := watchOver(t, b, p)
			simulate(20*time.Second, source, v)
			n := v.viewer.Stats()
			if n.Resent*2 > n.Packets || len(v.sound.numbers) < 500 {
				t.Errorf("seed %d: %d packets sent and %d again, of the sound %d arrived", seed, n.Packets, n.Resent, len(v.sound.numbers))
			}
			thinned += n.Drops[broadcast.DropThinned]
			probes += n.Probes
			for _, s := range v.picture.shown {
				rungs[s.rung] = true
			}
			if t.Failed() {
				t.Logf("seed %d", seed)
			}
		})
	}
	if thinned == 0 || probes == 0 || len(rungs) < 3 {
		t.Errorf("%d packets left out, %d probes, %v: the test shows nothing", thinned, probes, rungs)
	}
}
