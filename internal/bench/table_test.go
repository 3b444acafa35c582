package main

import (
	"strings"
	"testing"

	"porthole/internal/load"
)

func TestSpread(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   spread
	}{
		{nil, spread{}},
		{[]float64{4}, spread{4, 4, 4}},
		{[]float64{9, 1, 5}, spread{5, 1, 9}},
		{[]float64{4, 1, 3, 2}, spread{2.5, 1, 4}},
	} {
		if got := spreadOf(test.values); got != test.want {
			t.Errorf("%v: %+v, want %+v", test.values, got, test.want)
		}
	}
}

func TestMetricsAreReadFromPrometheusText(t *testing.T) {
	const text = "# HELP go_goroutines Number.\n# TYPE go_goroutines gauge\ngo_goroutines 12\n" +
		"go_info{version=\"x\"} 1\ngo_memstats_mallocs_total 1.5e+06\n"
	got, err := parseMetrics(strings.NewReader(text))
	if err != nil || got != (metrics{goroutines: 12, mallocs: 1.5e6}) {
		t.Errorf("%+v: %v", got, err)
	}
	for _, bad := range []string{"", "go_goroutines 12\n", "go_goroutines x\ngo_memstats_mallocs_total 1\n"} {
		if _, err := parseMetrics(strings.NewReader(bad)); err == nil {
			t.Errorf("no error for %q", bad)
		}
	}
}

func TestACostIsThatOfOneViewer(t *testing.T) {
	r := row{Server: serverPorthole, Viewers: 10, received: received{Viewers: 10, PacketRate: 100}}
	r.add(cost{
		cpu:  []float64{20, 10, 30},
		with: state{memory: 21 << 20, metrics: metrics{goroutines: 105}}, mallocs: 1000, seconds: 2,
	}, state{memory: 1 << 20, metrics: metrics{goroutines: 5}})
	if r.CPU != (spread{2, 1, 3}) || r.Memory != 2048 || r.Goroutines != 10 || r.Allocs != 0.5 {
		t.Errorf("%+v", r)
	}
}

func TestALoadReportIsSummedUp(t *testing.T) {
	v := newVideo(usualGOP)
	bits := v.bitRate() + 8*srtpOverhead*v.packetRate()
	got := receivedOf(&load.Report{
		Media: 2, FullRate: 1, FrameRate: load.Distribution{P50: 30}, BitRate: load.Distribution{P50: bits},
		Packets: 990, Lost: 10, Failures: []load.Failure{{Reason: "no", Sessions: 3}},
	})
	if got.Viewers != 2 || got.Full != 1 || got.Loss != 1 || got.failure != "3 failed: no" {
		t.Errorf("%+v", got)
	}
	if got.PacketRate < v.packetRate()-0.01 || got.PacketRate > v.packetRate()+0.01 {
		t.Errorf("%v packets a second, want %v", got.PacketRate, v.packetRate())
	}
}

func TestTheTableSaysWhatIsDoubtful(t *testing.T) {
	o := newOutcome()
	good := row{Server: serverPorthole, Viewers: 50, received: received{
		Viewers: 50, Full: 50, FrameRate: 30, PacketRate: 312, Delay: delay{Count: 1, P50: 0.84, P99: 3.75},
	}}
	good.CPU, good.Limits = spread{1.25, 1.2, 1.3}, 1.5
	bad := row{Server: serverBaseline, Viewers: 300, received: received{Viewers: 290, Full: 0, FrameRate: 12.4, failure: "10 failed: no", overflow: 7}}
	bad.Others = 1.5
	o.Rows = []row{good, bad}
	o.Starts = []firsts{{Server: serverPorthole, Publisher: "answers", Alone: result{Median: 12, Max: 16}, Crowd: result{Opened: 50, Saw: 49}}}
	var text strings.Builder
	if err := o.print(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"0.8", "3.8", "1.25", "(1.20–1.30)", "1.50", "only 290 got media", "10 failed: no", "did not get the full rate (median 12.4",
		"flatters", "7 packets were lost by the viewers", "1.5 processors busy", "49/50",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is missing in\n%s", want, &text)
		}
	}
	if doubts := good.doubts(); len(doubts) > 0 {
		t.Errorf("the good row is doubted: %v", doubts)
	}
}

func TestProfilesAreSummedUp(t *testing.T) {
	const stacks = "goroutine 1 [running]:\nmain.main()\n\ngoroutine 7 [select]:\nx.run()\n\tf.go:1\ncreated by x.Start in goroutine 1\n\tf.go:2\n\n" +
		"goroutine 8 [select]:\nx.run()\ncreated by x.Start in goroutine 1\n\tf.go:2\n"
	if got := creators(stacks); len(got) != 1 || got["x.Start"] != 2 {
		t.Errorf("creators: %v", got)
	}
	const heap = "heap profile: 1: 2 [3: 4] @ heap/1\n\n# runtime.MemStats\n# Alloc = 5\n# HeapAlloc = 2048\n# HeapObjects = 9\n# Stack = 4096 / 8192\n"
	got := memoryKinds(heap)
	if got["HeapAlloc"] != 2048 || got["HeapObjects"] != 9 || got["Stack"] != 4096 || got["Alloc"] != 0 {
		t.Errorf("memory: %v", got)
	}
}
