//go:build cgo

package capture

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"porthole/capture/capturetest"
	"porthole/capture/media"
	"porthole/capture/source"
	"porthole/capture/synthetic"
	"porthole/internal/broadcast"
)

// lateSound begins when its microphone is plugged in.
type lateSound struct {
	*synthetic.ToneSource
	plugged chan struct{}
}

func (s lateSound) Read(ctx context.Context) ([]int16, time.Time, error) {
	select {
	case <-s.plugged:
		return s.ToneSource.Read(ctx)
	case <-ctx.Done():
		return nil, time.Time{}, context.Cause(ctx)
	}
}

// lateDevice is the pattern with such a microphone.
type lateDevice struct {
	media.Device
	plugged chan struct{}
}

func (d lateDevice) Open() (*media.Input, error) {
	in, err := d.Device.Open()
	if err == nil {
		in.Sound, in.SoundLater = lateSound{synthetic.NewToneSource(time.Now()), d.plugged}, true
	}
	return in, err
}

// Pictures do not wait for a microphone that is not there, and its sound begins when it is.
func TestSoundOfAMicrophoneThatComesLater(t *testing.T) {
	plugged := make(chan struct{})
	d := demand{b: broadcast.New(broadcast.Config{})}
	spec := capturetest.Spec(t, "pattern:?size=160x96&audio=off&ondemand=off")
	d.source = New(Config{Broadcaster: d.b, Name: "cam", Spec: spec, device: func(spec source.Spec, _ *slog.Logger) media.Device {
		return lateDevice{synthetic.NewDevice(spec, "cam"), plugged}
	}})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.source.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		_ = d.b.Close()
	}()
	d.await(t, "live", func(i broadcast.StreamInfo) bool { return i.Live })
	if info, _ := d.b.Stream("cam"); len(info.Tracks) != 1 {
		t.Errorf("without a microphone: %+v", info.Tracks)
	}
	close(plugged)
	d.await(t, "heard", func(i broadcast.StreamInfo) bool {
		return i.Live && len(i.Tracks) == 2 && i.Tracks[1].Codec.Name() == "opus"
	})
}
