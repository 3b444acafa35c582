package load

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestDelaysAreShownWhenTheyMakeSense(t *testing.T) {
	usual := Distribution{Count: 9, Min: 0.2, P50: 1, P95: 3, P99: 4, Max: 9}
	for name, tt := range map[string]struct {
		given, want Distribution
		same        bool
		doubt       string
	}{
		"usual":                   {given: usual, want: usual, same: true},
		"nothing told":            {same: false},
		"another machine":         {given: usual, doubt: "another machine"},
		"reckoned a bit too late": {given: Distribution{Count: 9, Min: -2, P50: 1, Max: 9}, want: Distribution{Count: 9, P50: 1, Max: 9}, same: true},
		"from the future":         {given: Distribution{Count: 9, Min: -80, P50: -70, Max: -60}, same: true, doubt: "seem to be -80 to -60 ms old"},
		"one from the future":     {given: Distribution{Count: 9, Min: -80, P50: 1, Max: 9}, same: true, doubt: "does not agree"},
		"ages ago":                {given: Distribution{Count: 9, Min: 86_400_000, P50: 86_400_001, Max: 86_400_002}, same: true, doubt: "does not agree"},
	} {
		t.Run(name, func(t *testing.T) {
			got, doubt := sensibleDelay(tt.given, tt.same)
			if got != tt.want || (doubt != "") != (tt.doubt != "") || !strings.Contains(doubt, tt.doubt) {
				t.Errorf("got %+v, %q; want %+v, %q", got, doubt, tt.want, tt.doubt)
			}
		})
	}
}

func TestPausesAreJudgedByTheFrameRate(t *testing.T) {
	for _, tt := range []struct {
		pause     time.Duration
		frameRate float64
		froze     int
	}{
		{499 * time.Millisecond, 30, 0},
		{501 * time.Millisecond, 30, 1},
		{1100 * time.Millisecond, 1, 0}, // a picture a second is no freeze
		{3100 * time.Millisecond, 1, 1},
	} {
		r := &Report{Viewers: 1, Media: 1, FrameRate: Distribution{Count: 1}}
		r.judge([]reading{{judged: true, frameRate: tt.frameRate, pause: tt.pause, packets: 1}}, tt.frameRate)
		if r.Paused != tt.froze || r.Verdict.OK != (tt.froze == 0) || r.FullRate != 1 {
			t.Errorf("a pause of %v at %v a second: %d froze, full rate %d, %+v", tt.pause, tt.frameRate, r.Paused, r.FullRate, r.Verdict)
		}
	}
}

func TestFullRateAllowsForLittle(t *testing.T) {
	for _, tt := range []struct {
		frameRate     float64
		packets, lost uint64
		full          int
	}{
		{50, 1000, 0, 1},
		{47.5, 1000, 4, 1},
		{47.4, 1000, 0, 0},
		{50, 1000, 6, 0},
	} {
		r := &Report{Viewers: 1, Media: 1, FrameRate: Distribution{Count: 1}}
		r.judge([]reading{{judged: true, frameRate: tt.frameRate, packets: tt.packets - tt.lost, lost: tt.lost}}, 50)
		if r.FullRate != tt.full || r.Verdict.OK != (tt.full == 1) {
			t.Errorf("%v of 50 frames a second, %d of %d packets lost: full rate %d, %+v", tt.frameRate, tt.lost, tt.packets, r.FullRate, r.Verdict)
		}
	}
}

func TestServerOnThisMachineIsKnown(t *testing.T) {
	for endpoint, want := range map[string]bool{"http://127.0.0.1:8080/whep/x": true, "http://127.0.0.2/whep/x": true, "http://[::1]:1/": true} {
		u, err := url.Parse(endpoint)
		if err != nil {
			t.Fatal(err)
		}
		if _, same, err := localAddr(t.Context(), u); err != nil || same != want {
			t.Errorf("%s: on this machine %v, %v", endpoint, same, err)
		}
	}
}
