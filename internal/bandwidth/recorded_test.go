package bandwidth

import (
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Feedback that browsers sent: on paths without limits, and to one that hardly gets to
// read. None of them had to be sent less.
func TestRecordedFeedback(t *testing.T) {
	for _, name := range []string{"chromium", "firefox", "starved"} {
		t.Run(name, func(t *testing.T) {
			recording, err := os.ReadFile("testdata/" + name + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			e, told := new(Estimator), 0
			for line := range strings.Lines(string(recording)) {
				var what, value string
				var us int64
				if n, _ := fmt.Sscan(line, &what, &us, &value); n != 3 {
					continue
				}
				now := (us + 1) * clockStep
				switch what {
				case "first":
					e.next = uint16(number(t, value))
				case "sent":
					e.Sent(number(t, value), now)
				case "feedback":
					fci, err := hex.DecodeString(value)
					if err != nil {
						t.Fatal(err)
					}
					if err := e.Feedback(fci, now); err != nil {
						t.Fatalf("%v: %s", err, line)
					}
					told++
				}
				if v := e.Verdict(); v.Budget < DefaultInitial {
					t.Fatalf("%s: %+v", line, v)
				}
			}
			v := e.Verdict()
			if told < 5 || v.State == Congested || v.Loss > 0.1 || v.RTT < time.Millisecond || v.RTT > 300*time.Millisecond {
				t.Errorf("%d told, %+v", told, v)
			}
			if got := fates(e, e.delay.heard-100, 101); strings.Contains(got, "?") || strings.Count(got, "-") > 10 {
				t.Errorf("what became of the last packets: %s", got)
			}
		})
	}
}

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
