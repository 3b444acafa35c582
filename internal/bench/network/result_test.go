package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// drawn is a picture that was drawn 150 ms before it was shown.
func drawn(at float64, height int) picture {
	t := at - 150
	return picture{Shown: at, Drawn: &t, Height: height}
}

func TestPicturesTellPausesAndDelays(t *testing.T) {
	var pictures []picture
	for at := 0.0; at <= 10_000; at += 100 {
		if at > 4000 && at < 5500 { // a freeze
			continue
		}
		pictures = append(pictures, drawn(at, 720))
	}
	late := drawn(9050, 720)
	*late.Drawn -= 600
	pictures = append(pictures, late)
	var r result
	r.addPictures(pictures, 1000, 9500, nil)
	if r.LongestPause != 1.5 || r.DelayP50 != 150 || r.DelayP95 != 150 || r.Top != 1 || r.Down != -1 || r.Up != -1 || len(r.Rungs) != 1 {
		t.Errorf("got %+v", r)
	}
	r = result{}
	r.addPictures(pictures, 1000, 20_000, nil)
	if r.LongestPause != 10.95 && r.LongestPause != 10 {
		t.Errorf("pictures end at 10 s, and the longest pause is %v s", r.LongestPause)
	}
	r = result{}
	r.addPictures(nil, 1000, 6000, nil)
	if r.LongestPause != 5 || r.DelayP95 != 0 || r.Top != 0 {
		t.Errorf("without pictures: %+v", r)
	}
}

func TestPicturesTellRungs(t *testing.T) {
	var pictures []picture
	for at := 0.0; at < 60_000; at += 100 {
		height := 720
		if at >= 21_000 && at < 44_000 {
			height = 360
		}
		pictures = append(pictures, drawn(at, height))
	}
	var r result
	r.addPictures(pictures, 0, 60_000, []float64{20_000, 40_000})
	if r.Down != 1 || r.Up != 4 || math.Abs(r.Top-370.0/600) > 0.001 || len(r.Rungs) != 3 || r.Rungs[1] != (rung{21, 360}) {
		t.Errorf("got %+v", r)
	}
	if got, want := rungs(r.Rungs), "720p, 21 s: 360p, 44 s: 720p"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSamplesTellRatesAndSound(t *testing.T) {
	a, b := sample{At: 1000, Connections: 1}, sample{At: 11_000, Connections: 2}
	a.Video.FramesDecoded, b.Video.FramesDecoded = 30, 180
	b.Audio.TotalSamplesReceived, b.Audio.ConcealedSamples, b.Audio.SilentConcealedSamples = 480_000, 9600, 4800
	var r result
	r.addSamples(a, b)
	if r.Rate != 15 || r.Sound != 10 || r.Concealed != 0.1 || r.Reconnects != 1 {
		t.Errorf("got %+v", r)
	}
}

func TestVerdicts(t *testing.T) {
	good := result{Row: "1", Rate: 15, LongestPause: 0.4, DelayP95: 300, Sent: 1000, Resent: 100}
	good.judge(moving(600e6))
	for _, v := range good.Verdicts {
		if !v.Met {
			t.Errorf("%q was missed by %+v", v.Target, good)
		}
	}
	bad := result{Row: "1", Rate: 2, LongestPause: 15, DelayP95: 0, Sent: 5226, Resent: 71_707}
	bad.judge(moving(600e6))
	for _, v := range bad.Verdicts {
		if v.Met {
			t.Errorf("%q was met by %+v", v.Target, bad)
		}
	}
	if len(bad.Verdicts) != 4 {
		t.Errorf("%d verdicts, want 4", len(bad.Verdicts))
	}
}

func TestTable(t *testing.T) {
	r := row{name: "1", title: "1 Mbit/s", phases: one(mbit), targets: []target{atLeast(12)}}
	var text strings.Builder
	runs := []result{{Row: "1", Rate: 10}, {Row: "1", Rate: 14}, {Row: "1", Rate: 20, DelayP95: 70}}
	for i := range runs {
		runs[i].judge(r.targets)
	}
	writeTable(&text, []row{r, {name: "other"}}, map[string][]result{"1": runs})
	for _, want := range []string{"| 1 Mbit/s | 14.0 (10.0–20.0) |", "| 1 Mbit/s | ≥ 12 pictures a second: **no**, 2 of 3 |"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("it lacks %q:\n%s", want, text.String())
		}
	}
}

func TestChoose(t *testing.T) {
	chosen, err := choose("1,steps", 5)
	if err != nil || len(chosen) != 2 || chosen[1].phases[2].seconds != 5 || rows[0].phases[0].seconds != 30 {
		t.Errorf("got %+v, %v", chosen, err)
	}
	if _, err := choose("1,two", 0); err == nil || !strings.Contains(err.Error(), `"two"`) {
		t.Errorf("got %v", err)
	}
	if all, err := choose("", 0); err != nil || len(all) != len(rows) {
		t.Errorf("got %d rows, %v", len(all), err)
	}
}

func TestHouse(t *testing.T) {
	if got := jain([]float64{5, 5, 5, 5}); got != 1 {
		t.Errorf("of equals it is %v", got)
	}
	if got := jain([]float64{8, 0, 0, 0}); got != 0.25 {
		t.Errorf("when one has all it is %v", got)
	}
	var h house
	h.compare([]seen{{Rate: 10, Bits: 100, Pause: 0.3}, {Rate: 10, Bits: 100, Pause: 0.9}, {Rate: 10, Bits: 400}},
		[]seen{{Rate: 10, Pause: 0.2}, {Rate: 7, Pause: 0.6}})
	if h.Jain != 1 || h.Bits > 0.7 || h.Worst != 0.9 || h.Kept != 0.7 || h.WorstAfter != 0.6 {
		t.Errorf("got %+v", h)
	}
}

func TestRunsArePrintedAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "runs.json")
	text, err := json.Marshal([]result{{Row: "1", Rate: 13}, {Row: "0.5", Rate: 7}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs strings.Builder
	if code := run(t.Context(), []string{"--from", file}, &out, &errs); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	for _, want := range []string{"| 1 Mbit/s | 13.0 |", "| 0.5 Mbit/s | no freeze over 1 s: yes; ≥ 12 pictures a second: **no**;", "| 1 Mbit/s | no freeze over 1 s: yes; ≥ 12 pictures a second: yes;"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it lacks %q:\n%s", want, out.String())
		}
	}
}
