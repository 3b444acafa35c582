package pipeline

import (
	"context"
	"errors"
	"fmt"
	"image"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"porthole/capture/encode"
	"porthole/capture/media"
	"porthole/capture/pipelinetest"
	"porthole/capture/publish"
)

// unevenLibrary has encoders that take longer for the higher bitrate, and note when a picture changes meanwhile.
type unevenLibrary struct {
	pipelinetest.Library
	slow time.Duration

	mu      sync.Mutex
	changed int
}

func (l *unevenLibrary) NewVideo(p encode.Params) (encode.VideoEncoder, error) {
	inner, err := l.Library.NewVideo(p)
	if err != nil || p.Bitrate < 1_000_000 {
		return inner, err
	}
	return slowEncoder{inner, l}, nil
}

type slowEncoder struct {
	encode.VideoEncoder
	library *unevenLibrary
}

func (e slowEncoder) Encode(f *media.Picture, keyframe bool) ([]byte, error) {
	before := f.Y[0]
	time.Sleep(e.library.slow)
	if f.Y[0] != before {
		e.library.mu.Lock()
		defer e.library.mu.Unlock()
		e.library.changed++
	}
	return e.VideoEncoder.Encode(f, keyframe)
}

// playTwo sends what a camera delivers in two encodings, for so long.
func playTwo(t *testing.T, library *unevenLibrary, d time.Duration, at time.Duration, then func(high, low *pipelinetest.Track)) (high, low *pipelinetest.Track) {
	t.Helper()
	s := newStage(t, nil)
	s.camera.Script = func(n int) (image.Image, time.Duration, error) {
		img := image.NewYCbCr(image.Rect(0, 0, 64, 48), image.YCbCrSubsampleRatio420)
		img.Y[0] = byte(n)
		return img, time.Second / 30, nil
	}
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	live := New(Config{
		Spec: s.spec, Input: s.camera.Input(s.spec, s.log), Library: library, Log: s.log,
		Encodings: []Encoding{{RID: "high", Bitrate: 2_000_000}, {RID: "low", Bitrate: 300_000}},
	})
	tracks := func() (high, low *pipelinetest.Track) {
		both := s.out.Tracks()
		if len(both) != 2 || both[0].RID != "high" || both[1].RID != "low" {
			t.Fatalf("%d tracks, want high and low", len(both))
		}
		return both[0], both[1]
	}
	if then != nil {
		time.AfterFunc(at, func() { then(tracks()) })
	}
	take := func(t publish.Tracks) (publish.Publisher, error) {
		if !slices.Equal(t.RIDs, []string{"high", "low"}) {
			return nil, fmt.Errorf("published with RIDs %q", t.RIDs)
		}
		return s.out, nil
	}
	if err := live.Run(ctx, take); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("ended with %v", err)
	}
	if n := len(library.Built); library.Closed != n {
		t.Errorf("%d encoders built, %d closed", n, library.Closed)
	}
	var rates []int
	for _, p := range library.Built {
		rates = append(rates, p.Bitrate)
	}
	slices.Sort(rates)
	if rates = slices.Compact(rates); !slices.Equal(rates, []int{300_000, 2_000_000}) {
		t.Errorf("encoders of %v bit/s", rates)
	}
	return tracks()
}

// Every picture goes to every encoder, and a viewer who asks for a keyframe of one has only that one asked.
func TestPictureGoesToTwoEncoders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		library := new(unevenLibrary)
		high, low := playTwo(t, library, 4*time.Second, 1500*time.Millisecond,
			func(high, _ *pipelinetest.Track) { high.RequestKeyframe() })
		if h, l := high.Keyframes(), low.Keyframes(); h != 2 || l != 1 {
			t.Errorf("%d keyframes in the one that was asked, %d in the other, want 2 and 1", h, l)
		}
		if len(library.Built) != 2 {
			t.Errorf("%d encoders built, want 2", len(library.Built))
		}
		if h, l := len(high.Packets), len(low.Packets); h < 118 || l < 118 {
			t.Errorf("%d and %d packets in 4 s of 30 pictures each", h, l)
		}
		if len(high.Reports) != 4 || len(low.Reports) != 4 {
			t.Fatalf("%d and %d sender reports in 4 s", len(high.Reports), len(low.Reports))
		}
		if !high.Reports[0].CapturedAt.Equal(low.Reports[0].CapturedAt) {
			t.Error("the two do not begin with the same picture")
		}
	})
}

// An encoder that is too slow loses pictures of its own: the other one gets them all, and none changes while it is encoded.
func TestSlowEncoderHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		library := &unevenLibrary{slow: 100 * time.Millisecond}
		high, low := playTwo(t, library, 5*time.Second, 0, nil)
		if n := len(low.Packets); n < 148 {
			t.Errorf("%d packets of the fast encoder in 5 s of 30 pictures each", n)
		}
		if n := len(high.Packets); n < 40 || n > 55 {
			t.Errorf("%d packets of the slow encoder in 5 s, of which it takes 0.1 for each", n)
		}
		if library.changed > 0 {
			t.Errorf("%d pictures were overwritten while they were encoded", library.changed)
		}
	})
}

// Pictures are used again, once all have given them back.
func TestExchangeUsesPicturesAgain(t *testing.T) {
	var e exchange
	a, b := e.mailbox(), e.mailbox()
	first := e.blank()
	e.put(first)
	if got, err := a.take(t.Context()); err != nil || got != first {
		t.Fatalf("took %p, %v", got, err)
	}
	a.release(first)
	if again := e.blank(); again == first {
		t.Error("a picture that still waits in a mailbox was handed out to be filled")
	}
	second := e.blank()
	e.put(second) // the first is overwritten unseen in b
	if again := e.blank(); again != first {
		t.Error("a picture that nobody holds was not used again")
	}
	if a.drops() != 0 || b.drops() != 1 {
		t.Errorf("%d and %d pictures lost, want 0 and 1", a.drops(), b.drops())
	}
	ctx, cancel := context.WithCancel(t.Context())
	if got, err := b.take(ctx); err != nil || got != second {
		t.Errorf("took %p, %v, want the newest", got, err)
	}
	cancel()
	if _, err := b.take(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("an empty mailbox: %v", err)
	}
}
