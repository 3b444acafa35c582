package processtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Waited returns for how long each thread of some processes has been ready to run while
// others had the processors, by the thread's file (proc(5), schedstat). Where the system does
// not tell, it is empty.
func Waited(pids ...int) map[string]time.Duration {
	waited := make(map[string]time.Duration)
	for _, pid := range pids {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		if err != nil {
			continue
		}
		for _, thread := range threads {
			text, err := os.ReadFile(thread) // the time on a processor, that of waiting for one, and how often
			fields := strings.Fields(string(text))
			if err != nil || len(fields) < 2 {
				continue // the thread has ended
			}
			if nanos, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
				waited[thread] = time.Duration(nanos)
			}
		}
	}
	return waited
}

// Timer measures how long something takes that a server and the test do together, by a
// clock that stands still while a busy machine lets their threads wait: a bound that holds
// on a quiet machine holds everywhere.
type Timer struct {
	pids   []int
	began  time.Time
	waited map[string]time.Duration
}

// StartTimer starts a timer of this process and the server's.
func (s *Server) StartTimer() *Timer {
	t := &Timer{pids: []int{s.Cmd.Process.Pid, os.Getpid()}, began: time.Now()}
	t.waited = Waited(t.pids...)
	return t
}

// Took is the time that passed, without what was lost.
func (t *Timer) Took() time.Duration { return max(time.Since(t.began)-t.Lost(), 0) }

// Lost is how long threads waited. Of those that waited at the same time, each one's wait
// counts: rather too much than too little.
func (t *Timer) Lost() (lost time.Duration) {
	for thread, waited := range Waited(t.pids...) {
		lost += waited - t.waited[thread] // a new thread has waited since only
	}
	return lost
}
