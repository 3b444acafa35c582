package v4l2

import (
	"context"
	"log/slog"
	"time"

	"porthole/capture/clock"
	"porthole/capture/media"
	"porthole/capture/source"
	"porthole/internal/panics"
)

// Reader makes media.Pictures of a driver: it survives broken pictures, leaves out surplus ones, and says when each was captured: by the
// driver's clock, else by when it came, evened out.
type Reader struct {
	shots Shots
	log   *slog.Logger

	jpeg []byte // that the last picture was; empty: it was none

	times  captureTimes
	thin   clock.Thinner
	faults faults
}

// NewReader takes over an open driver, which delivers the chosen mode.
func NewReader(shots Shots, mode Choice, spec source.Spec, log *slog.Logger) *Reader {
	c := &Reader{shots: shots, log: log, faults: newFaults(log)}
	if mode.FPS > float64(spec.FPS)*clock.RateOffBy {
		c.thin.Interval = time.Second / time.Duration(spec.FPS)
	}
	return c
}

// ExpectedRate is what a source in this mode delivers: what the driver promises, at most what is asked.
func ExpectedRate(mode Choice, spec source.Spec) float64 {
	if mode.FPS == 0 || mode.FPS > float64(spec.FPS)*clock.RateOffBy {
		return float64(spec.FPS)
	}
	return mode.FPS
}

// Read skips what is broken and what is too much, and ends with ErrDeviceGone or ErrStalled.
func (c *Reader) Read(ctx context.Context, f *media.Picture) error {
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		asked := time.Now()
		var arrived time.Time
		wanted := false
		err := panics.AsError(c.log, "a camera's driver", func() (err error) {
			wanted, arrived, err = c.readOnce(ctx, f)
			return err
		})
		if err == nil {
			c.faults.good(arrived)
			if wanted {
				return nil
			}
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := c.faults.fault(err, asked, time.Now()); err != nil {
			return err
		}
		clock.Wait(ctx, faultPause)
	}
}

// readOnce takes one picture from the driver, and loads it into f unless it is a surplus one.
func (c *Reader) readOnce(ctx context.Context, f *media.Picture) (wanted bool, arrived time.Time, err error) {
	shot, err := c.shots.Next(ctx)
	arrived = time.Now()
	if err != nil {
		return false, arrived, err
	}
	defer shot.Release()
	captured := c.times.next(shot.CapturedAt, arrived)
	if !c.thin.Keep(captured) {
		return false, arrived, nil
	}
	f.CapturedAt = captured
	c.jpeg = append(c.jpeg[:0], shot.JPEG...)
	return true, arrived, shot.Load(f)
}

// JPEG returns the camera's own JPEG of the last picture, valid until the next one; nil: it sends none.
func (c *Reader) JPEG() []byte {
	if len(c.jpeg) == 0 {
		return nil
	}
	return c.jpeg
}

// Close closes the driver.
func (c *Reader) Close() error { return c.shots.Close() }
