//go:build e2e && linux

package e2e_test

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// spent is processor time: of the whole machine, and of the server, this test and the
// programs that it has started and waited for.
type spent struct {
	at            time.Time
	machine, ours time.Duration
}

// spentWith returns what was spent until now.
func spentWith(t testing.TB, s *server) spent {
	t.Helper()
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(stat), "\n")
	fields := strings.Fields(first) // cpu user nice system idle iowait irq softirq steal
	var machine time.Duration
	for _, i := range []int{1, 2, 3, 8} {
		ticks, err := strconv.Atoi(fields[i])
		if err != nil {
			t.Fatal(err)
		}
		machine += time.Duration(ticks) * 10 * time.Millisecond
	}
	ours := s.processorTime(t)
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var usage syscall.Rusage
		if err := syscall.Getrusage(who, &usage); err != nil {
			t.Fatal(err)
		}
		ours += time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	return spent{time.Now(), machine, ours}
}

// ofOthers is which share of the machine others had since before.
func (s spent) ofOthers(before spent) float64 {
	others := (s.machine - before.machine) - (s.ours - before.ours)
	return others.Seconds() / s.at.Sub(before.at).Seconds() / float64(runtime.NumCPU())
}
