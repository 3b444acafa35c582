package bandwidth

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// Feedback that browsers sent on a path without limits, of a busy machine.
func TestRecordedFeedback(t *testing.T) {
	for _, name := range []string{"chromium", "firefox"} {
		t.Run(name, func(t *testing.T) {
			recording, err := os.ReadFile("testdata/" + name + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			e, told := new(Estimator), 0
			for line := range strings.Lines(string(recording)) {
				var us int64
				var what string
				if n, _ := fmt.Sscanf(line, "sent %d %s", &us, &what); n == 2 {
					var size int
					if _, err := fmt.Sscan(what, &size); err != nil {
						t.Fatal(err)
					}
					e.Sent(size, (us+1)*clockStep)
				}
				if n, _ := fmt.Sscanf(line, "feedback %d %s", &us, &what); n == 2 {
					fci, err := hex.DecodeString(what)
					if err != nil {
						t.Fatal(err)
					}
					if err := e.Feedback(fci, (us+1)*clockStep); err != nil {
						t.Fatalf("%v: %s", err, line)
					}
					told++
				}
			}
			if v := e.Verdict(); told < 5 || v.State != Steady || v.Loss != 0 || v.Budget < DefaultInitial || v.RTT < time.Millisecond || v.RTT > 200*time.Millisecond {
				t.Errorf("%+v", v)
			}
			if got := fates(e, 0, e.delay.heard+1); strings.Trim(got, "+") != "" {
				t.Errorf("not all arrived: %s", got)
			}
		})
	}
}
