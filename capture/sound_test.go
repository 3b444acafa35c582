package capture

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"porthole/internal/sourceinfo"
)

// humming is sound at half of full scale.
type humming struct{ samples [960]int16 }

func (h *humming) Read(context.Context) ([]int16, time.Time, error) {
	for i := range h.samples {
		h.samples[i] = 16384 * int16(1-i%2*2)
	}
	return h.samples[:], time.Now(), nil
}
func (h *humming) Channels() int { return 1 }
func (h *humming) Close() error  { return nil }
func (h *humming) Name() string  { return "USB Audio" }

// hear returns the loudest of half a second.
func hear(t *testing.T, d *desk) (peak int) {
	t.Helper()
	sound := d.on(new(humming))
	for range 25 {
		samples, _, err := sound.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range samples {
			peak = max(peak, int(v), -int(v))
		}
	}
	return peak
}

func set(t *testing.T, d *desk, changes map[string]sourceinfo.Value) {
	t.Helper()
	apply, rest, err := d.plan(changes)
	if err != nil || len(rest) > 0 {
		t.Fatalf("%v, %v", rest, err)
	}
	apply()
}

func TestSoundIsMutedAmplifiedAndMeasured(t *testing.T) {
	d := new(desk)
	if d.info().Level != nil {
		t.Error("there is a level before there is sound")
	}
	for _, tt := range []struct {
		changes map[string]sourceinfo.Value
		peak    int
		level   float64
	}{
		{nil, 16384, -6.02},
		{map[string]sourceinfo.Value{controlGain: "-20"}, 1638, -26.02},
		{map[string]sourceinfo.Value{controlGain: "3"}, 23143, -3.02},
		{map[string]sourceinfo.Value{controlGain: "40"}, 32768, 0}, // as loud as can be, without a crack
		{map[string]sourceinfo.Value{controlGain: sourceinfo.Default}, 16384, -6.02},
	} {
		set(t, d, tt.changes)
		peak := hear(t, d)
		info := d.info()
		if math.Abs(float64(peak-tt.peak)) > 2 || info.Level == nil || math.Abs(*info.Level-tt.level) > 0.05 || info.Microphone != "USB Audio" {
			t.Errorf("%v: peak %d, want %d; %+v", tt.changes, peak, tt.peak, info)
		}
	}
	set(t, d, map[string]sourceinfo.Value{controlMute: "on"})
	if peak, info := hear(t, d), d.info(); peak != 0 || !info.Muted || info.Level != nil {
		t.Errorf("muted: peak %d, %+v", peak, info)
	}
	set(t, d, map[string]sourceinfo.Value{controlMute: "off"})
	if peak := hear(t, d); peak != 16384 {
		t.Errorf("no longer muted: peak %d", peak)
	}
}

// A change that is wrong changes nothing, and what is a camera's is left to the camera.
func TestPlansOfChanges(t *testing.T) {
	d := new(desk)
	for _, changes := range []map[string]sourceinfo.Value{
		{controlGain: "41", controlMute: "on"}, {controlGain: "loud", controlMute: "on"}, {controlMute: "perhaps", controlGain: "3"},
	} {
		if _, _, err := d.plan(changes); !errors.Is(err, sourceinfo.ErrInvalid) {
			t.Errorf("%v: %v", changes, err)
		}
	}
	if info := d.info(); info.Muted || info.Gain != 0 {
		t.Errorf("%+v", info)
	}
	_, rest, err := d.plan(map[string]sourceinfo.Value{controlMute: "on", "exposure": "157"})
	if err != nil || len(rest) != 1 || rest["exposure"] != "157" {
		t.Errorf("%v, %v", rest, err)
	}
	if d.muted.Load() {
		t.Error("a plan has changed something")
	}
}
