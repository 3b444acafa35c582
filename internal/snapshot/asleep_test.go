package snapshot_test

import (
	"context"
	"errors"
	"image"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"porthole/internal/broadcast"
	"porthole/internal/snapshot"
)

// sleeper is a source that is off while nobody watches.
type sleeper struct {
	mu    sync.Mutex
	info  broadcast.StreamInfo
	woken int // times
	awake int // by how many
	fault error
}

func (s *sleeper) maker() *snapshot.Maker {
	grey := func() *image.YCbCr { return image.NewYCbCr(image.Rect(0, 0, 64, 48), image.YCbCrSubsampleRatio420) }
	return snapshot.New(snapshot.Config{
		Stream: func(string) (broadcast.StreamInfo, bool) {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.info, true
		},
		Raw:     func(context.Context, string) (*image.YCbCr, time.Time, error) { return grey(), time.Now(), nil },
		Sources: func(string) bool { return true },
		Last:    func(string) (*image.YCbCr, time.Time, bool) { return grey(), time.Now().Add(-time.Hour), s.woken > 0 },
		Wake:    s.wake,
	})
}

// wake takes three seconds, as some cameras do.
func (s *sleeper) wake(ctx context.Context, _ string) (func(), error) {
	select {
	case <-time.After(3 * time.Second):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault != nil {
		return nil, s.fault
	}
	s.woken++
	s.awake++
	s.info.Live, s.info.State = true, broadcast.StateLive
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.awake--; s.awake == 0 {
			s.info.Live, s.info.State = false, broadcast.StateStandby
		}
	}, nil
}

func asleep() *sleeper {
	return &sleeper{info: broadcast.StreamInfo{Name: "cam", Source: "camera", State: broadcast.StateStandby}}
}

func TestPictureWakesItsSourceOnceForAllWhoAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := asleep()
		m := s.maker()
		var asking sync.WaitGroup
		for range 20 {
			asking.Go(func() {
				if _, err := m.Take(t.Context(), "cam", 0); err != nil {
					t.Error(err)
				}
			})
		}
		asking.Wait()
		if s.woken != 1 || s.awake != 0 {
			t.Errorf("woken %d times, and kept awake by %d", s.woken, s.awake)
		}
		time.Sleep(time.Minute)
		p, err := m.Peek(t.Context(), "cam", 0)
		if err != nil || time.Since(p.At) != time.Hour || s.woken != 1 {
			t.Errorf("%v, captured %v ago, woken %d times", err, time.Since(p.At), s.woken)
		}
	})
}

func TestSourceThatCannotBeWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := asleep()
		s.fault = errors.New("camera unplugged")
		m := s.maker()
		if _, err := m.Peek(t.Context(), "cam", 0); !errors.Is(err, snapshot.ErrNoPicture) {
			t.Errorf("before it has shown anything: %v", err)
		}
		if _, err := m.Take(t.Context(), "cam", 0); !errors.Is(err, snapshot.ErrNoPicture) || !errors.Is(err, s.fault) {
			t.Errorf("%v", err)
		}
	})
}

// Whoever asks for pictures of cameras that start slowly does not keep others from theirs.
func TestWakingTakesNoTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := asleep(), vp8Stream()
		m := snapshot.New(snapshot.Config{
			Stream: func(name string) (broadcast.StreamInfo, bool) {
				if name == "cam" {
					return f.info, true
				}
				info := s.info
				info.Name = name
				return info, true
			},
			Keyframe: func(string) (broadcast.Keyframe, error) { return f.keyframe() },
			Sources:  func(name string) bool { return name != "cam" },
			Wake:     func(ctx context.Context, _ string) (func(), error) { <-ctx.Done(); return nil, ctx.Err() },
		})
		var asking sync.WaitGroup
		for _, name := range []string{"a", "b", "c"} {
			asking.Go(func() {
				if _, err := m.Take(t.Context(), name, 0); !errors.Is(err, snapshot.ErrNoPicture) {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		synctest.Wait()
		began := time.Now()
		if _, err := m.Take(t.Context(), "cam", 0); err != nil || time.Since(began) > 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		asking.Wait()
	})
}
