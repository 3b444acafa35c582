package capture

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"sync/atomic"
	"time"

	"porthole/capture/media"
	"porthole/capture/source"
	"porthole/internal/sourceinfo"
)

// The names by which the sound of a source is changed, among the controls of its camera.
const (
	controlMute = "mic-mute"
	controlGain = "mic-gain"
)

const (
	levelEvery = media.SampleRate / 10 // samples of a channel after which a level is told
	levelStale = time.Second           // a level that is older is none
)

// desk is where the raw sound of a source is made louder, muted and measured, before it is encoded. It outlives every pipeline of its source;
// any goroutine may use it.
type desk struct {
	muted   atomic.Bool
	gain    atomic.Int64                  // decibels
	changed atomic.Bool                   // the gain was set by hand
	level   atomic.Int64                  // peak, in hundredths of dBFS
	told    atomic.Int64                  // when, Unix time in nanoseconds
	name    atomic.Pointer[func() string] // of the microphone
}

// on has the sound pass the desk.
func (d *desk) on(sound media.Sound) media.Sound {
	var name func() string
	if named, ok := sound.(interface{ Name() string }); ok {
		name = named.Name
	}
	d.name.Store(&name)
	return &deskSound{Sound: sound, desk: d}
}

// deskSound is sound that passes a desk.
type deskSound struct {
	media.Sound
	desk    *desk
	peak    int // since the level was told
	samples int // likewise, of all channels
}

// Read is the sound's. The samples are changed in place: they are valid until the next Read, and nobody else has them.
func (s *deskSound) Read(ctx context.Context) ([]int16, time.Time, error) {
	samples, at, err := s.Sound.Read(ctx)
	if err != nil {
		return samples, at, err
	}
	if s.desk.muted.Load() {
		clear(samples) // not measured either: nobody learns whether somebody speaks
		s.desk.told.Store(0)
		s.peak, s.samples = 0, 0
		return samples, at, nil
	}
	amplify(samples, s.desk.gain.Load())
	for _, v := range samples {
		s.peak = max(s.peak, int(v), -int(v))
	}
	if s.samples += len(samples); s.samples >= levelEvery*s.Channels() {
		s.desk.level.Store(int64(math.Round(2000 * math.Log10(max(float64(s.peak), 1)/32768))))
		s.desk.told.Store(time.Now().UnixNano())
		s.peak, s.samples = 0, 0
	}
	return samples, at, nil
}

// amplify makes samples louder by so many decibels, as far as they can be.
func amplify(samples []int16, decibels int64) {
	if decibels == 0 {
		return
	}
	factor := int64(math.Round(65536 * math.Pow(10, float64(decibels)/20)))
	for i, v := range samples {
		samples[i] = int16(min(max(int64(v)*factor>>16, math.MinInt16), math.MaxInt16))
	}
}

// info tells of the sound.
func (d *desk) info() *sourceinfo.Sound {
	s := &sourceinfo.Sound{Muted: d.muted.Load(), Gain: d.gain.Load()}
	if name := d.name.Load(); name != nil && *name != nil {
		s.Microphone = (*name)()
	}
	if time.Since(time.Unix(0, d.told.Load())) < levelStale {
		level := float64(d.level.Load()) / 100
		s.Level = &level
	}
	return s
}

// controls are those of the sound, as a camera has them.
func (d *desk) controls() []sourceinfo.Control {
	number := func(n int64) *int64 { return &n }
	muted := number(0)
	if d.muted.Load() {
		muted = number(1)
	}
	gain := sourceinfo.Control{
		Name: controlGain, Title: "Microphone, gain (dB)", Kind: sourceinfo.Integer,
		Min: number(source.MinMicGain), Max: number(source.MaxMicGain), Step: 1, Default: number(0), Value: number(d.gain.Load()),
	}
	if d.changed.Load() {
		gain.Kept = strconv.FormatInt(d.gain.Load(), 10)
	}
	return []sourceinfo.Control{{Name: controlMute, Title: "Microphone, muted", Kind: sourceinfo.Boolean, Default: number(0), Value: muted}, gain}
}

// plan says what the changes of the sound among changes do, which the camera's are then left without, and nothing where one is wrong.
func (d *desk) plan(changes map[string]sourceinfo.Value) (apply func(), rest map[string]sourceinfo.Value, err error) {
	var todo []func()
	rest = make(map[string]sourceinfo.Value, len(changes))
	for name, value := range changes {
		switch name {
		case controlMute:
			muted, ok := map[sourceinfo.Value]bool{"on": true, "1": true, "off": false, "0": false, sourceinfo.Default: false}[value]
			if !ok {
				return nil, nil, fmt.Errorf("%w: %s is on or off, and not %q", sourceinfo.ErrInvalid, name, value)
			}
			todo = append(todo, func() { d.muted.Store(muted) })
		case controlGain:
			gain, err := int64(0), error(nil)
			if value != sourceinfo.Default {
				gain, err = strconv.ParseInt(string(value), 10, 64)
			}
			if err != nil || gain < source.MinMicGain || gain > source.MaxMicGain {
				return nil, nil, fmt.Errorf("%w: %s is a whole number of decibels from %d to %d, and not %q",
					sourceinfo.ErrInvalid, name, source.MinMicGain, source.MaxMicGain, value)
			}
			todo = append(todo, func() { d.gain.Store(gain); d.changed.Store(value != sourceinfo.Default) })
		default:
			rest[name] = value
		}
	}
	return func() {
		for _, do := range todo {
			do()
		}
	}, rest, nil
}
