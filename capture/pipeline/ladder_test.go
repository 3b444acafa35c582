package pipeline

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"porthole/capture/capturetest"
	"porthole/capture/encode"
	"porthole/capture/media"
	"porthole/capture/pipelinetest"
	"porthole/capture/publish"
	"porthole/capture/source"
	"porthole/internal/broadcast"
)

// unevenLibrary has encoders that take longer for the larger picture, and note when a picture changes meanwhile.
type unevenLibrary struct {
	pipelinetest.Library
	slow time.Duration

	mu      sync.Mutex
	changed int
}

func (l *unevenLibrary) NewVideo(p encode.Params) (encode.VideoEncoder, error) {
	inner, err := l.Library.NewVideo(p)
	if err != nil || p.Height < 48 {
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

// playTwo sends what a camera delivers in its size and in half of it, for so long. The half is wanted from the start.
func playTwo(t *testing.T, library *unevenLibrary, d time.Duration, at time.Duration, then func(high, low *pipelinetest.Track)) (high, low *pipelinetest.Track) {
	t.Helper()
	s := newStage(t, nil)
	s.spec.Ladder = source.Ladder{Heights: [source.MaxRungs]int{24}}
	s.camera.Script = func(n int) (image.Image, time.Duration, error) {
		img := image.NewYCbCr(image.Rect(0, 0, 64, 48), image.YCbCrSubsampleRatio420)
		img.Y[0] = byte(n)
		return img, time.Second / 30, nil
	}
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	live := New(Config{Spec: s.spec, Input: s.camera.Input(s.spec, s.log), Library: library, Log: s.log})
	tracks := func() (high, low *pipelinetest.Track) {
		both := s.out.Tracks()
		if len(both) != 2 || both[0].RID != "48p" || both[1].RID != "24p" {
			t.Fatalf("%d tracks, want 48p and 24p", len(both))
		}
		return both[0], both[1]
	}
	if then != nil {
		time.AfterFunc(at, func() { then(tracks()) })
	}
	take := func(tracks publish.Tracks) (publish.Publisher, error) {
		if !slices.Equal(tracks.RIDs, []string{"48p", "24p"}) {
			return nil, fmt.Errorf("published with RIDs %q", tracks.RIDs)
		}
		return wantsAll{s.out}, nil
	}
	if err := live.Run(ctx, take); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("ended with %v", err)
	}
	if n := len(library.Built); library.Closed != n {
		t.Errorf("%d encoders built, %d closed", n, library.Closed)
	}
	return tracks()
}

// wantsAll is a publisher of whose tracks somebody needs each.
type wantsAll struct{ *pipelinetest.Publisher }

func (p wantsAll) AddTrack(cfg broadcast.LayerConfig) (publish.Track, error) {
	cfg.OnDemand = false
	return p.Publisher.AddTrack(cfg)
}

// Every picture goes to the encoders, and a viewer who asks for a keyframe of one has only that one asked.
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
		if h, l := len(high.Packets), len(low.Packets); h < 118 || l < 60 || l > 63 {
			t.Errorf("%d and %d packets in 4 s of 30 pictures each, of which the rung takes every other one", h, l)
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
		if n := len(low.Packets); n < 74 {
			t.Errorf("%d packets of the fast encoder in 5 s of 15 pictures each", n)
		}
		if n := len(high.Packets); n < 40 || n > 55 {
			t.Errorf("%d packets of the slow encoder in 5 s, of which it takes 0.1 for each", n)
		}
		if library.changed > 0 {
			t.Errorf("%d pictures were overwritten while they were encoded", library.changed)
		}
	})
}

// climb plays a camera of 1280x720 with the default ladder. Its rungs do what the steps say, at their times.
func climb(t *testing.T, d time.Duration, steps map[time.Duration]func(tracks []*pipelinetest.Track)) (*stage, []*pipelinetest.Track) {
	t.Helper()
	s := newStage(t, pipelinetest.Steady(30, 1280, 720))
	s.spec.Ladder.Auto = true
	for at, step := range steps {
		time.AfterFunc(at, func() { step(s.out.Tracks()) })
	}
	if err := s.play(t, d); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("ended with %v", err)
	}
	return s, s.out.Tracks()
}

// Rungs are published from the start, and their encoders work while they are wanted: they begin with the next picture and a keyframe,
// on a clock that goes on, and are closed when nobody needs them.
func TestRungsAreEncodedWhileTheyAreWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, tracks := climb(t, 10*time.Second, map[time.Duration]func([]*pipelinetest.Track){
			2010 * time.Millisecond: func(tracks []*pipelinetest.Track) { tracks[2].Want(true) },
			4010 * time.Millisecond: func(tracks []*pipelinetest.Track) { tracks[2].Want(false) },
			6010 * time.Millisecond: func(tracks []*pipelinetest.Track) { tracks[2].Want(true); tracks[1].Want(true) },
			7010 * time.Millisecond: func(tracks []*pipelinetest.Track) { tracks[2].Want(false) },
		})
		if len(tracks) != 3 {
			t.Fatalf("%d tracks, want 720p, 360p and 180p", len(tracks))
		}
		for i, want := range []struct {
			rid                string
			nominal            broadcast.Nominal
			pictures, sessions int
		}{
			{"720p", broadcast.Nominal{Width: 1280, Height: 720, Bitrate: 2_500_000}, 300, 1},
			{"360p", broadcast.Nominal{Width: 640, Height: 360, Bitrate: 507_657}, 60, 1},
			{"180p", broadcast.Nominal{Width: 320, Height: 180, Bitrate: 145_786}, 45, 2},
		} {
			track := tracks[i]
			pictures := len(track.Packets) - track.Keyframes() // parameter sets are packets, too
			if track.RID != want.rid || track.Nominal != want.nominal || pictures < want.pictures-3 || pictures > want.pictures+3 || track.Keyframes() != want.sessions {
				t.Errorf("%s of %+v: %d pictures and %d keyframes, want %+v", track.RID, track.Nominal, pictures, track.Keyframes(), want)
			}
			for n, p := range track.Packets {
				if n > 0 && p.SequenceNumber != track.Packets[n-1].SequenceNumber+1 {
					t.Errorf("%s: packet %d has sequence number %d", track.RID, n, p.SequenceNumber)
				}
			}
		}
		var sizes []int
		for _, p := range s.library.Built {
			sizes = append(sizes, p.Height)
		}
		if !slices.Equal(sizes, []int{720, 180, 180, 360}) && !slices.Equal(sizes, []int{720, 180, 360, 180}) {
			t.Errorf("encoders for %v rows were built", sizes)
		}
		if len(s.library.Rates) > 0 {
			t.Errorf("a rest was taken for another frame rate: %v", s.library.Rates)
		}
		first, last := tracks[2].Packets[0], tracks[2].Packets[len(tracks[2].Packets)-1]
		if ticks := last.Timestamp - first.Timestamp; ticks < 4.9*encode.VideoRate || ticks > 5.1*encode.VideoRate {
			t.Errorf("the timestamps of 180p span %d ticks, want 5 s with the rest", ticks)
		}
	})
}

// brokenLibrary has no encoders for pictures of some height.
type brokenLibrary struct {
	*pipelinetest.Library
	height int
}

func (l brokenLibrary) NewVideo(p encode.Params) (encode.VideoEncoder, error) {
	if p.Height == l.height {
		return nil, errors.New("no such encoder")
	}
	return l.Library.NewVideo(p)
}

// A rung that cannot be encoded takes none of the others with it.
func TestBrokenRungLeavesTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, pipelinetest.Steady(30, 1280, 720))
		s.spec.Ladder.Auto = true
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		live := New(Config{Spec: s.spec, Input: s.camera.Input(s.spec, s.log), Library: brokenLibrary{s.library, 360}, Log: s.log})
		take := func(publish.Tracks) (publish.Publisher, error) { return wantsAll{s.out}, nil }
		if err := live.Run(ctx, take); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("ended with %v", err)
		}
		tracks := s.out.Tracks()
		if h, m, l := len(tracks[0].Packets), len(tracks[1].Packets), len(tracks[2].Packets); h < 590 || m != 0 || l < 290 {
			t.Errorf("%d, %d and %d packets, want all of 720p and 180p, and none of 360p", h, m, l)
		}
	})
}

// What is wanted late is there soon.
func TestRungBeginsWithTheNextPicture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wanted time.Time
		_, tracks := climb(t, 3*time.Second, map[time.Duration]func([]*pipelinetest.Track){
			2010 * time.Millisecond: func(tracks []*pipelinetest.Track) { tracks[2].Want(true); wanted = time.Now() },
		})
		if came := tracks[2].Reports[0].CapturedAt; came.Sub(wanted) > time.Second/20 {
			t.Errorf("the first picture is of %v after the wish", came.Sub(wanted))
		}
	})
}

// Whatever the camera delivers, the ladder is of its real size; one that changes its size takes the ladder along.
func TestLadderFitsThePicture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		s.spec.Ladder.Auto = true
		large, small := pipelinetest.Steady(30, 640, 480), pipelinetest.Steady(30, 322, 242)
		s.camera.Script = func(n int) (image.Image, time.Duration, error) {
			if n < 60 {
				return large(n)
			}
			return small(n)
		}
		time.AfterFunc(time.Second, func() { s.out.Tracks()[1].Want(true) })
		if err := s.play(t, 4*time.Second); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("ended with %v", err)
		}
		var sizes []string
		for _, p := range s.library.Built {
			sizes = append(sizes, fmt.Sprintf("%dx%d", p.Width, p.Height))
		}
		slices.Sort(sizes)
		if want := []string{"160x120", "320x240", "322x242", "640x480"}; !slices.Equal(sizes, want) {
			t.Errorf("encoders for %v, want %v", sizes, want)
		}
	})
}

func TestRungSizes(t *testing.T) {
	for _, c := range []struct {
		ladder string
		of     [2]int
		want   string
	}{
		{"auto", [2]int{1280, 720}, "640x360 at 507, 320x180 at 145"},
		{"auto", [2]int{1920, 1080}, "960x540 at 507, 480x270 at 145"},
		{"auto", [2]int{3840, 2160}, "1920x1080 at 507, 960x540 at 145, 480x270 at 60"},
		{"auto", [2]int{640, 480}, "320x240 at 507"},
		{"auto", [2]int{640, 360}, "320x180 at 507"},
		{"auto", [2]int{320, 240}, ""},
		{"auto", [2]int{1366, 768}, "682x384 at 506, 340x192 at 145"},
		{"off", [2]int{1280, 720}, ""},
		{"480,180", [2]int{1280, 720}, "852x480 at 850, 320x180 at 145"},
		{"720,360", [2]int{1280, 720}, "640x360 at 507"},
		{"360", [2]int{320, 240}, ""},
	} {
		spec := capturetest.Spec(t, "pattern:?ladder="+c.ladder)
		var got []string
		large := broadcast.Nominal{Width: c.of[0], Height: c.of[1]}
		for _, size := range rungSizes(spec.Ladder, c.of[0], c.of[1]) {
			got = append(got, fmt.Sprintf("%dx%d at %d", size.Width, size.Height, rungBitrate(spec.Bitrate, large, size, rungRate(30)/30)/1000))
		}
		if text := strings.Join(got, ", "); text != c.want {
			t.Errorf("ladder=%s of %v: %s, want %s", c.ladder, c.of, text, c.want)
		}
	}
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

func TestRungRate(t *testing.T) {
	for fps, want := range map[float64]float64{60: 20, 50: 50.0 / 3, 30: 15, 25: 12.5, 24: 12, 20: 20, 15: 15, 5: 5, 1: 1} {
		if got := rungRate(fps); math.Abs(got-want) > 1e-9 {
			t.Errorf("of %v pictures a second, a rung has %v, want %v", fps, got, want)
		}
	}
}
