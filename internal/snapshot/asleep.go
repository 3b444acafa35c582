package snapshot

import (
	"context"
	"fmt"
	"image"
	"time"

	"porthole/internal/broadcast"
)

// wakeWithin is how long a source that is woken may take to show something: cameras are
// given six seconds for their first picture.
const wakeWithin = 8 * time.Second

// asleep says that a stream's source is off, and begins when somebody watches.
func asleep(info broadcast.StreamInfo) bool { return info.State == broadcast.StateStandby }

// takeAwake makes a picture of a stream that is awake, or that it may wake. It takes its
// turn only when there is something to see: a camera that starts must not keep others waiting.
func (m *Maker) takeAwake(ctx context.Context, info broadcast.StreamInfo, width int, wake bool) (Picture, error) {
	// Who is there to see it keeps a source awake anyway.
	if !wake || m.cfg.Wake == nil || info.Source == "whip" || info.Viewers > 0 && !asleep(info) {
		return m.make(ctx, info, width)
	}
	waking, cancel := context.WithTimeout(ctx, wakeWithin)
	defer cancel()
	release, err := m.cfg.Wake(waking, info.Name)
	if err != nil {
		return Picture{}, fmt.Errorf("%w: %w", ErrNoPicture, err)
	}
	defer release()
	info, ok := m.cfg.Stream(info.Name)
	switch {
	case !ok || !info.Live:
		return Picture{}, ErrNoPicture
	case !m.Possible(info):
		return Picture{}, ErrNoDecoder
	}
	return m.make(ctx, info, width)
}

// last is what a source that is off showed last.
func (m *Maker) last(name string) (*image.YCbCr, time.Time, error) {
	if m.cfg.Last == nil || !m.cfg.Sources(name) {
		return nil, time.Time{}, ErrNoPicture
	}
	img, at, ok := m.cfg.Last(name)
	if !ok {
		return nil, time.Time{}, ErrNoPicture
	}
	return img, at, nil
}
