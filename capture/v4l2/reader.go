package v4l2

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"log/slog"
	"syscall"
	"time"

	"porthole/capture/clock"
	"porthole/capture/media"
	"porthole/capture/source"
	"porthole/internal/panics"
)

// ImageReader is what a camera driver gives pictures by; mediadevices' video.Reader is one.
type ImageReader interface {
	Read() (img image.Image, release func(), err error)
}

// ReadTimeout is how long the driver waits for a picture, in whole seconds. Without being told it waits for five.
const ReadTimeout = int(faultyToGiveUp / time.Second)

const (
	// A camera that fails this often in a row and for this long is given up. One corrupt JPEG after a shaken
	// USB plug is nothing.
	faultsToGiveUp = 5
	faultyToGiveUp = 2 * time.Second
	// firstToGiveUp is for the first picture instead: some cameras take seconds to start.
	firstToGiveUp = 6 * time.Second

	faultPause    = 10 * time.Millisecond // after a failed read: a device that fails at once must not keep a core busy
	faultLogEvery = 10 * time.Second
)

// Reader makes media.Pictures of a driver: it survives broken pictures, evens out capture times and
// leaves out surplus pictures. The clock behind the capture times is this process's, read when a picture has arrived and
// is decoded: mediadevices does not hand out the driver's own time stamps.
type Reader struct {
	images    ImageReader
	close     func() error
	fullRange bool // see picture.load
	log       *slog.Logger

	smooth clock.Smoother
	thin   clock.Thinner

	lastGood time.Time     // or the moment of opening
	patience time.Duration // after lastGood
	row      int           // faults since lastGood
	broken   int           // faults in all
	loggedAt time.Time
}

// NewReader takes over an open driver, which delivers the chosen mode.
func NewReader(images ImageReader, closeDriver func() error, mode Choice, spec source.Spec, log *slog.Logger) *Reader {
	c := &Reader{
		images: images, close: closeDriver, fullRange: mode.Format == "MJPEG", log: log,
		lastGood: time.Now(), patience: firstToGiveUp,
	}
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
			wanted, arrived, err = c.readOnce(f)
			return err
		})
		if err == nil {
			c.lastGood, c.patience, c.row = arrived, faultyToGiveUp, 0
			if wanted {
				return nil
			}
			continue
		}
		if err := c.fault(err, asked, time.Now()); err != nil {
			return err
		}
		clock.Wait(ctx, faultPause)
	}
}

// readOnce takes one picture from the driver, and loads it into f unless it is a surplus one.
func (c *Reader) readOnce(f *media.Picture) (wanted bool, arrived time.Time, err error) {
	img, release, err := c.images.Read()
	arrived = time.Now()
	if err != nil {
		return false, arrived, err
	}
	defer release()
	captured := c.smooth.Next(arrived)
	if !c.thin.Keep(captured) {
		return false, arrived, nil
	}
	f.CapturedAt = captured
	return true, arrived, f.Load(img, c.fullRange)
}

// fault counts a failed read and says whether it is the end.
func (c *Reader) fault(err error, asked, failed time.Time) error {
	if isGone(err) {
		return fmt.Errorf("%w: %w", source.ErrDeviceGone, err)
	}
	c.row++
	c.broken++
	// A read that itself took so long was a silent device: the driver waits for readTimeout for a picture.
	silent := failed.Sub(asked) >= faultyToGiveUp
	if (silent || c.row >= faultsToGiveUp) && failed.Sub(c.lastGood) >= c.patience {
		return fmt.Errorf("%w for %v: %w", source.ErrStalled, failed.Sub(c.lastGood).Round(100*time.Millisecond), err)
	}
	if failed.Sub(c.loggedAt) >= faultLogEvery {
		c.loggedAt = failed
		c.log.Warn("broken picture skipped", "error", err, "skipped", c.broken)
	}
	return nil
}

// Close closes the driver.
func (c *Reader) Close() error { return c.close() }

// isGone tells the errors after which a file descriptor of a device never works again.
func isGone(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ENODEV) || errors.Is(err, syscall.ENXIO) ||
		errors.Is(err, syscall.EBADF)
}
