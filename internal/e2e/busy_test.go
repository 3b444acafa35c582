//go:build e2e

package e2e_test

import (
	"bytes"
	"cmp"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"porthole/internal/processtest"
)

// Other programs may use this machine, too. What they take is measured here, so that limits
// in time hold on a busy machine and are no looser on a quiet one.

// busyEvery is how often it is measured.
const busyEvery = 500 * time.Millisecond

// busyMeter adds up for how long the test, and what it has started, was ready to run and
// others had the processors. Safe for concurrent use.
type busyMeter struct {
	mu     sync.Mutex // guards what follows
	waited map[string]time.Duration
	looked time.Time
	lost   losses
}

// losses are what two processes lost, of which the one waits for the other, and what all lost
// if they wait in turn, as those of a browser do.
type losses struct{ two, all time.Duration }

// busy is that of this process. TestMain runs it.
var busy busyMeter

// run measures until done.
func (b *busyMeter) run(done <-chan struct{}) { each(busyEvery, done, func(int) { b.total() }) }

// total is what was lost until now. Of each process, that thread counts which waited longest.
func (b *busyMeter) total() losses {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if now.Sub(b.looked) < busyEvery/10 {
		return b.lost // near enough
	}
	waited := processtest.Waited(family()...)
	longest := make(map[string]time.Duration) // by process
	for thread, w := range waited {
		process := filepath.Dir(filepath.Dir(thread))
		longest[process] = max(longest[process], w-b.waited[thread])
	}
	if !b.looked.IsZero() {
		var all time.Duration
		for _, w := range longest {
			all += w
		}
		most := append(slices.SortedFunc(maps.Values(longest), func(x, y time.Duration) int { return cmp.Compare(y, x) }), 0, 0)
		passed := now.Sub(b.looked)
		b.lost.two += min(most[0]+most[1], passed)
		b.lost.all += min(all, passed)
	}
	b.waited, b.looked = waited, now
	return b.lost
}

// family are the ids of this process and of those that it has started, and they.
func family() []int {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil
	}
	children := make(map[int][]int)
	for _, name := range stats {
		text, err := os.ReadFile(name)
		end := bytes.LastIndexByte(text, ')') // of the program's name, which may have spaces
		if err != nil || end < 0 {
			continue // the process has ended
		}
		fields := strings.Fields(string(text[end+1:])) // state, parent …
		pid, err1 := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		parent, err2 := strconv.Atoi(fields[1])
		if err1 == nil && err2 == nil {
			children[parent] = append(children[parent], pid)
		}
	}
	all := []int{os.Getpid()}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

// stopwatch measures a time, and what was lost of it.
type stopwatch struct {
	began time.Time
	lost  losses // until then
}

func startStopwatch() stopwatch { return stopwatch{time.Now(), busy.total()} }

// gone is how long the machine let us wait since the start.
func (w stopwatch) gone() time.Duration { return busy.total().two - w.lost.two }

// left is what is left of a time that somebody is willing to wait.
func (w stopwatch) left(within time.Duration) time.Duration {
	return within - time.Since(w.began) + busy.total().all - w.lost.all
}

// took is the time that passed, without what was lost.
func (w stopwatch) took() time.Duration { return max(time.Since(w.began)-w.gone(), 0) }

// slowdown is how many times longer than on a quiet machine things take that have to be
// computed: 1 or more.
func (w stopwatch) slowdown() float64 {
	const most = 20
	passed := time.Since(w.began).Seconds()
	return passed / max(w.took().Seconds(), passed/most)
}

// lateness measures by how much the machine is late to run who has slept.
type lateness struct {
	done    chan struct{}
	running sync.WaitGroup
	late    []time.Duration
}

func startLateness(t testing.TB) *lateness {
	l := &lateness{done: make(chan struct{})}
	l.running.Go(func() {
		const nap = 5 * time.Millisecond
		for {
			began := time.Now()
			select {
			case <-l.done:
				return
			case <-time.After(nap):
				l.late = append(l.late, time.Since(began)-nap)
			}
		}
	})
	t.Cleanup(func() { l.stop() })
	return l
}

// hops is how often a picture waits for a processor, on its way from the camera to a viewer.
const hops = 6

// stop ends the measurement. It returns by how much so many of a hundred pictures may be later
// than on a quiet machine.
func (l *lateness) stop() (allowed func(q float64) time.Duration) {
	select {
	case <-l.done:
	default:
		close(l.done)
	}
	l.running.Wait()
	slices.Sort(l.late)
	return func(q float64) time.Duration {
		if len(l.late) == 0 {
			return 0
		}
		return hops * quantile(l.late, q)
	}
}
