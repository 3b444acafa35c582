package pipeline

import (
	"context"
	"errors"
	"image"
	"io"
	"log/slog"
	"math"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"porthole/capture/capturetest"
	"porthole/capture/encode"
	"porthole/capture/media"
	"porthole/capture/pipelinetest"
	"porthole/capture/publish"
	"porthole/capture/source"
	"porthole/capture/synthetic"
	"porthole/internal/broadcast"
	"porthole/internal/codec"
)

// stage is a pipeline with a fake camera, encoder and publish.Publisher.
type stage struct {
	spec    source.Spec
	camera  *pipelinetest.Camera
	library *pipelinetest.Library
	audio   media.Sound
	out     *pipelinetest.Publisher
	log     *slog.Logger
	lines   *capturetest.Lines
}

func newStage(t *testing.T, script func(int) (image.Image, time.Duration, error)) *stage {
	log, lines := capturetest.NewLog()
	return &stage{
		spec:   capturetest.Spec(t, "camera:?size=640x480&fps=30&mic=off&keyframe=1m&ladder=off"),
		camera: &pipelinetest.Camera{Script: script}, library: new(pipelinetest.Library), out: pipelinetest.NewPublisher(), log: log, lines: lines,
	}
}

// play runs the pipeline until it ends by itself or for so long.
func (s *stage) play(t *testing.T, d time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	in := s.camera.Input(s.spec, s.log)
	in.Sound = s.audio
	take := func(publish.Tracks) (publish.Publisher, error) { return s.out, nil }
	return New(Config{Spec: s.spec, Input: in, Library: s.library, Log: s.log}).Run(ctx, take)
}

func TestPipelineSendsAnEvenStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, pipelinetest.Steady(30, 640, 480))
		if err := s.play(t, 5*time.Second); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("ended with %v", err)
		}
		video := s.out.Track(codec.Video)
		if n := len(video.Packets); n < 145 || n > 152 { // one picture a packet, and the parameter sets
			t.Errorf("%d packets in 5 s", n)
		}
		if codec.H264NALs.Type(video.Packets[0].Payload) != codec.NALSTAPA || codec.H264NALs.Type(video.Packets[1].Payload) != codec.NALIDR {
			t.Error("the stream does not start with parameter sets and a keyframe")
		}
		for i := 2; i < len(video.Packets); i++ {
			if step := video.Packets[i].Timestamp - video.Packets[i-1].Timestamp; step < 2990 || step > 3010 {
				t.Errorf("packet %d is %d ticks after the one before, want 3000", i, step)
			}
			if video.Packets[i].SequenceNumber != video.Packets[i-1].SequenceNumber+1 {
				t.Errorf("packet %d has sequence number %d", i, video.Packets[i].SequenceNumber)
			}
		}
		if n := len(video.Reports); n != 5 {
			t.Errorf("%d sender reports in 5 s, want one at once and one a second", n)
		}
		if first := video.Reports[0]; first.RTPTime != video.Packets[0].Timestamp {
			t.Errorf("the first report is for %d, the first packet for %d", first.RTPTime, video.Packets[0].Timestamp)
		}
		for _, r := range video.Reports {
			ticks := r.CapturedAt.Sub(video.Reports[0].CapturedAt).Seconds() * encode.VideoRate
			if off := math.Abs(ticks - float64(r.RTPTime-video.Reports[0].RTPTime)); off > 1 {
				t.Errorf("a report maps its time %v ticks off", off)
			}
		}
		if want := (encode.Params{Width: 640, Height: 480, FPS: 30, Bitrate: 2_500_000, TemporalLayers: 3}); !slices.Equal(s.library.Built, []encode.Params{want}) {
			t.Errorf("encoders built: %+v, want one: %+v", s.library.Built, want)
		}
		if s.library.Closed != 1 {
			t.Errorf("%d encoders closed, want 1", s.library.Closed)
		}
		if s.out.Err() == nil {
			t.Error("the publish.Publisher is not closed")
		}
	})
}

func TestKeyframeRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, pipelinetest.Steady(30, 640, 480))
		time.AfterFunc(1500*time.Millisecond, func() {
			for range 3 { // three viewers at once get one keyframe
				s.out.Track(codec.Video).RequestKeyframe()
			}
		})
		_ = s.play(t, 3*time.Second)
		if got := s.out.Track(codec.Video).Keyframes(); got != 2 {
			t.Errorf("%d keyframes, want the first and the one asked for", got)
		}
	})
}

// Keyframes come in their rhythm, whatever the frame rate; one that was asked for begins it anew.
func TestKeyframeRhythm(t *testing.T) {
	for _, fps := range []int{30, 7} {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, pipelinetest.Steady(fps, 640, 480))
			s.spec.Keyframe = 2 * time.Second
			time.AfterFunc(5*time.Second, func() { s.out.Track(codec.Video).RequestKeyframe() })
			_ = s.play(t, 9900*time.Millisecond)
			if got := s.out.Track(codec.Video).Keyframes(); got != 6 {
				t.Errorf("%d keyframes at %d pictures a second, want 6: after 0, 2, 4, 5, 7 and 9 s", got, fps)
			}
		})
	}
}

func TestCorruptPicturesAreSkipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good := pipelinetest.Steady(30, 640, 480)
		s := newStage(t, func(n int) (image.Image, time.Duration, error) {
			img, took, _ := good(n)
			if n%3 == 1 {
				return nil, took, pipelinetest.ErrCorrupt
			}
			return img, took, nil
		})
		if err := s.play(t, 9*time.Second); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("ended with %v", err)
		}
		if n := len(s.out.Track(codec.Video).Packets); n < 160 || n > 190 {
			t.Errorf("%d pictures of 270, of which every third was corrupt", n)
		}
		if got := s.lines.Count("skipped a broken picture"); got != 1 {
			t.Errorf("%d log lines about 90 corrupt pictures in 9 s, want 1", got)
		}
	})
}

func TestCameraThatFailsForGood(t *testing.T) {
	good := pipelinetest.Steady(30, 640, 480)
	failing := func(took time.Duration, err error) func(int) (image.Image, time.Duration, error) {
		return func(n int) (image.Image, time.Duration, error) {
			if n < 30 {
				return good(n)
			}
			return nil, took, err
		}
	}
	for _, test := range []struct {
		name   string
		script func(int) (image.Image, time.Duration, error)
		want   error
		within time.Duration
	}{
		{"only corrupt pictures", failing(33*time.Millisecond, pipelinetest.ErrCorrupt), source.ErrStalled, 2200 * time.Millisecond},
		{"errors without end, at once", failing(0, syscall.EIO), source.ErrStalled, 2200 * time.Millisecond},
		{"silence until the driver's timeout", failing(5*time.Second, errors.New("read timeout")), source.ErrStalled, 5100 * time.Millisecond},
		{"unplugged", failing(0, syscall.ENODEV), source.ErrDeviceGone, 100 * time.Millisecond},
		{"closed", failing(0, io.EOF), source.ErrDeviceGone, 100 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, test.script)
				start := time.Now()
				err := s.play(t, time.Minute)
				if !errors.Is(err, test.want) {
					t.Errorf("ended with %v, want %v", err, test.want)
				}
				if took := time.Since(start) - time.Second; took > test.within {
					t.Errorf("given up after %v, want within %v", took, test.within)
				}
				if s.camera.Reads > 30+250 {
					t.Errorf("%d reads: it spins", s.camera.Reads)
				}
				if !errors.Is(s.out.Err(), test.want) {
					t.Errorf("the publish.Publisher was closed with %v", s.out.Err())
				}
			})
		})
	}
}

func TestNoPictureNoPublisher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(int) (image.Image, time.Duration, error) {
			return nil, 5 * time.Second, errors.New("read timeout")
		})
		if err := s.play(t, time.Minute); !errors.Is(err, source.ErrStalled) {
			t.Errorf("ended with %v, want ErrStalled", err)
		}
		if len(s.out.Tracks()) != 0 || s.out.Err() != nil {
			t.Error("it was published before the first picture")
		}
	})
}

// rates are those, in pictures a second, that the encoder was built for and told.
func (s *stage) rates() (rates []float64) {
	for _, p := range s.library.Built {
		rates = append(rates, math.Round(p.FPS))
	}
	for _, fps := range s.library.Rates {
		rates = append(rates, math.Round(fps))
	}
	return rates
}

func TestEncoderIsToldTheRateOfASlowCamera(t *testing.T) {
	for _, test := range []struct {
		name string
		fps  int // really
		want []float64
	}{
		{"half the rate", 15, []float64{30, 15}},
		{"a little slower is near enough", 27, []float64{30}},
		{"twice the rate", 60, []float64{30, 60}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, pipelinetest.Steady(test.fps, 640, 480))
				if err := s.play(t, 20*time.Second); !errors.Is(err, context.DeadlineExceeded) {
					t.Fatalf("ended with %v", err)
				}
				if got := s.rates(); !slices.Equal(got, test.want) {
					t.Errorf("the encoder was told %v pictures a second, want %v", got, test.want)
				}
				if len(s.library.Built) != 1 {
					t.Errorf("%d encoders built, want one that is told", len(s.library.Built))
				}
			})
		})
	}
}

func TestRateIsMeasuredForAsLongAsItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bright, dark := pipelinetest.Steady(30, 640, 480), pipelinetest.Steady(10, 640, 480)
		s := newStage(t, func(n int) (image.Image, time.Duration, error) {
			if n >= 300 && n < 400 {
				return dark(n) // the light is off from second 10 to 20
			}
			return bright(n)
		})
		_ = s.play(t, 30*time.Second)
		rates := s.rates()
		if len(rates) < 3 || len(rates) > 5 || rates[0] != 30 || !slices.Contains(rates, 10) || rates[len(rates)-1] != 30 {
			t.Errorf("the encoder was told %v pictures a second, want 30, then 10, then 30", rates)
		}
	})
}

func TestAnotherSizeThanAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		small, odd := pipelinetest.Steady(30, 320, 240), pipelinetest.Steady(30, 801, 601)
		s := newStage(t, func(n int) (image.Image, time.Duration, error) {
			if n < 60 {
				return small(n)
			}
			return odd(n)
		})
		if err := s.play(t, 4*time.Second); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("ended with %v", err)
		}
		var sizes [][2]int
		for _, p := range s.library.Built {
			sizes = append(sizes, [2]int{p.Width, p.Height})
		}
		if want := [][2]int{{320, 240}, {800, 600}}; !slices.Equal(sizes, want) {
			t.Errorf("encoders for %v, want %v", sizes, want)
		}
		if got := s.out.Track(codec.Video).Keyframes(); got != 2 {
			t.Errorf("%d keyframes, want one for each size", got)
		}
	})
}

func TestEmptyEncoderOutput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, pipelinetest.Steady(30, 640, 480))
		s.library.Output = func(n int, keyframe bool) ([]byte, error) {
			if n%2 == 1 {
				return nil, nil
			}
			return pipelinetest.EncodedPicture(keyframe), nil
		}
		if err := s.play(t, 2*time.Second); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("ended with %v", err)
		}
		if n := len(s.out.Track(codec.Video).Packets); n < 28 || n > 33 {
			t.Errorf("%d packets of 60 pictures, of which half were left out", n)
		}
	})
}

// An encoder that fails, by an error or a panic, is replaced; viewers miss one picture.
func TestFailedEncoderIsReplaced(t *testing.T) {
	for name, fail := range map[string]func() error{
		"error": func() error { return errors.New("encoder broken") },
		"panic": func() error { panic("encoder broken") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, pipelinetest.Steady(30, 640, 480))
				s.library.Output = func(n int, keyframe bool) ([]byte, error) {
					if n == 10 || n == 100 {
						return nil, fail()
					}
					return pipelinetest.EncodedPicture(keyframe), nil
				}
				if err := s.play(t, 5*time.Second); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("ended with %v", err)
				}
				video := s.out.Track(codec.Video)
				if got := video.Keyframes(); got != 3 {
					t.Errorf("%d keyframes, want one of each encoder", got)
				}
				if n := len(video.Packets); n < 145 || n > 156 {
					t.Errorf("%d packets in 5 s, of which two pictures were lost", n)
				}
				if built := len(s.library.Built); built != 3 || s.library.Closed != built {
					t.Errorf("%d encoders built and %d closed, want 3", built, s.library.Closed)
				}
				if got := s.lines.Count("the encoder failed"); got != 2 {
					t.Errorf("%d log lines about two failures", got)
				}
			})
		})
	}
}

// One that fails as often as it is replaced is for the supervisor, who opens everything anew.
func TestEncoderThatFailsForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("encoder broken")
		s := newStage(t, pipelinetest.Steady(30, 640, 480))
		s.library.Output = func(n int, keyframe bool) ([]byte, error) {
			if n > 10 && n%20 == 0 { // it works for a while each time
				return nil, broken
			}
			return pipelinetest.EncodedPicture(keyframe), nil
		}
		if err := s.play(t, time.Minute); !errors.Is(err, source.ErrEncoder) || !errors.Is(err, broken) {
			t.Errorf("ended with %v, want ErrEncoder and the encoder's own", err)
		}
		if n := len(s.library.Built); n != 5 {
			t.Errorf("%d encoders were tried, want %d", n, 5)
		}
	})
}

// A picture that makes a decoder panic is a broken picture.
func TestPanicOfTheDriverIsABrokenPicture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good := pipelinetest.Steady(30, 640, 480)
		s := newStage(t, func(n int) (image.Image, time.Duration, error) {
			if n == 30 {
				panic("index out of range")
			}
			return good(n)
		})
		if err := s.play(t, 3*time.Second); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ended with %v", err)
		}
		if n := len(s.out.Track(codec.Video).Packets); n < 85 {
			t.Errorf("%d packets in 3 s", n)
		}
	})
}

func TestUnpublishedPipelineEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, pipelinetest.Steady(30, 640, 480))
		time.AfterFunc(time.Second, func() {
			s.out.End(broadcast.ErrClosed)
		})
		if err := s.play(t, time.Minute); !errors.Is(err, broadcast.ErrClosed) {
			t.Errorf("ended with %v, want the publisher's reason", err)
		}
	})
}

func TestSoundGoesAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, pipelinetest.Steady(30, 640, 480))
		s.audio = synthetic.NewToneSource(time.Now())
		_ = s.play(t, 3*time.Second)
		audio := s.out.Track(codec.Audio)
		if audio == nil {
			t.Fatal("no audio track")
		}
		if n := len(audio.Packets); n < 140 || n > 151 {
			t.Errorf("%d packets in 3 s, want 50 a second", n)
		}
		for i := 1; i < len(audio.Packets); i++ {
			if step := audio.Packets[i].Timestamp - audio.Packets[i-1].Timestamp; step != media.BlockSize {
				t.Errorf("packet %d is %d samples after the one before, want %d", i, step, media.BlockSize)
			}
		}
		if !audio.Packets[0].Marker || audio.Packets[1].Marker {
			t.Error("the marker is not on the first packet alone")
		}
		if n := len(audio.Reports); n != 3 {
			t.Errorf("%d sender reports in 3 s, want 3", n)
		}
	})
}

// deafMicrophone works for a second and fails then.
type deafMicrophone struct {
	media.Sound
	fails time.Time
}

func newDeafMicrophone() deafMicrophone {
	return deafMicrophone{synthetic.NewToneSource(time.Now()), time.Now().Add(time.Second)}
}

func (m deafMicrophone) Read(ctx context.Context) ([]int16, time.Time, error) {
	if !time.Now().Before(m.fails) {
		return nil, time.Time{}, source.ErrStalled
	}
	return m.Sound.Read(ctx)
}

func TestPicturesGoOnWithoutSound(t *testing.T) {
	for name, prepare := range map[string]func(*stage){
		"microphone fails": func(s *stage) { s.audio = newDeafMicrophone() },
		"no Opus encoder":  func(s *stage) { s.audio, s.library.Audio = synthetic.NewToneSource(time.Now()), errors.New("no Opus") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, pipelinetest.Steady(30, 640, 480))
				prepare(s)
				if err := s.play(t, 4*time.Second); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("ended with %v", err)
				}
				if n := len(s.out.Track(codec.Video).Packets); n < 110 {
					t.Errorf("%d pictures in 4 s", n)
				}
				if s.lines.Count("sound failed") != 1 {
					t.Error("the log does not say that sound failed")
				}
			})
		})
	}
}

func TestAudioGapMovesTimestamps(t *testing.T) {
	out := new(pipelinetest.Track)
	sender, err := newSender(encode.Opus(), out)
	if err != nil {
		t.Fatal(err)
	}
	pump := newAudioPump(synthetic.NewToneSource(time.Now()), pipelinetest.AudioEncoder{}, sender)
	at := time.Now()
	chunk := make([]int16, 1000)                    // not a multiple of a block
	length := 1000 * time.Second / media.SampleRate // 20.8 ms
	for i := range 20 {
		if i == 10 {
			at = at.Add(500 * time.Millisecond)
		}
		if err := pump.push(chunk, at); err != nil {
			t.Fatal(err)
		}
		at = at.Add(length)
	}
	jumps := 0
	for i := 1; i < len(out.Packets); i++ {
		step := out.Packets[i].Timestamp - out.Packets[i-1].Timestamp
		switch {
		case step == media.BlockSize:
		case step > 24000 && step < 24000+2*media.BlockSize:
			jumps++
		default:
			t.Errorf("packet %d is %d samples after the one before", i, step)
		}
	}
	if jumps != 1 {
		t.Errorf("%d jumps over half a second, want 1", jumps)
	}
}
