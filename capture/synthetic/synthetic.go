package synthetic

import (
	"context"
	"math"
	"time"

	"porthole/capture/clock"
	"porthole/capture/media"
	"porthole/capture/source"
)

// PatternSource delivers the test picture at an even pace, without drift: picture n is due at start + n/fps. When it
// comes too late for a picture, that one is left out, not sent late.
type PatternSource struct {
	pattern *Pattern
	fps     int
	start   time.Time
	next    int64 // number of the picture that is due next, counting those left out
}

// NewPatternSource begins with the picture of start.
func NewPatternSource(spec source.Spec, start time.Time) *PatternSource {
	return &PatternSource{pattern: NewPattern(spec), fps: spec.FPS, start: start}
}

func (s *PatternSource) due(n int64) time.Time {
	whole, rest := n/int64(s.fps), n%int64(s.fps)
	return s.start.Add(time.Duration(whole)*time.Second + time.Duration(rest)*time.Second/time.Duration(s.fps))
}

// skipTo leaves out the pictures whose time is over.
func (s *PatternSource) skipTo(now time.Time) {
	for now.Sub(s.due(s.next+1)) > 0 {
		s.next++
	}
}

// Read waits until a picture is due, and draws it.
func (s *PatternSource) Read(ctx context.Context, f *media.Picture) error {
	s.skipTo(time.Now())
	due := s.due(s.next)
	s.next++
	clock.Wait(ctx, time.Until(due))
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	// The picture shows the wall clock of this moment, which may have been set since start; the stream counts
	// on the even one.
	s.pattern.Draw(f, time.Now())
	f.CapturedAt = due
	return nil
}

// Close does nothing.
func (s *PatternSource) Close() error { return nil }

const (
	toneHertz   = 440
	toneLevel   = 0.05 // of full scale: there, but not annoying
	beepHertz   = 1000
	beepLevel   = 0.4
	toneChunk   = media.BlockSize
	maxToneLate = time.Second
)

// ToneSource delivers a quiet 440 Hz tone, and a beep in the first tenth of every second, when the pattern flashes.
type ToneSource struct {
	start time.Time
	next  int64 // number of the next sample
	chunk [toneChunk]int16
}

// NewToneSource begins with the sound of start.
func NewToneSource(start time.Time) *ToneSource { return &ToneSource{start: start} }

// Read waits until its chunk would have been recorded to the end.
func (s *ToneSource) Read(ctx context.Context) ([]int16, time.Time, error) {
	samples := clock.Samples{Rate: media.SampleRate, Epoch: s.start}
	if late := time.Since(samples.At(s.next + toneChunk)); late > maxToneLate {
		s.next += int64(late/(20*time.Millisecond)) * toneChunk
	}
	capturedAt := samples.At(s.next)
	clock.Wait(ctx, time.Until(samples.At(s.next+toneChunk)))
	if ctx.Err() != nil {
		return nil, time.Time{}, context.Cause(ctx)
	}
	now := time.Now()
	s.fill(now.UnixNano() - int64(now.Sub(capturedAt)))
	s.next += toneChunk
	return s.chunk[:], capturedAt, nil
}

// fill makes the chunk that starts with sample s.next, at this Unix time in nanoseconds.
func (s *ToneSource) fill(unix int64) {
	for i := range s.chunk {
		n := s.next + int64(i)
		intoSecond := (unix + int64(i)*int64(time.Second)/media.SampleRate) % int64(time.Second)
		hertz, level := int64(toneHertz), toneLevel
		if intoSecond < int64(flashLength) {
			hertz, level = beepHertz, beepLevel
		}
		phase := float64(n*hertz%media.SampleRate) / media.SampleRate // exact, however long it runs
		s.chunk[i] = int16(level * math.MaxInt16 * math.Sin(2*math.Pi*phase))
	}
}

// Channels is 1: the tone is the same left and right.
func (s *ToneSource) Channels() int { return 1 }

// Close does nothing.
func (s *ToneSource) Close() error { return nil }
