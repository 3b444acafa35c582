package v4l2

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"syscall"
	"time"

	"porthole/capture/clock"
	"porthole/capture/source"
)

// ReadTimeout is how long a driver is waited for.
const ReadTimeout = faultyToGiveUp

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

// faults counts what goes wrong in reading from a camera, and says when it is too much.
type faults struct {
	log      *slog.Logger
	lastGood time.Time     // or the moment of opening
	patience time.Duration // after lastGood
	row      int           // since lastGood
	broken   int           // in all
	loggedAt time.Time
}

func newFaults(log *slog.Logger) faults {
	return faults{log: log, lastGood: time.Now(), patience: firstToGiveUp}
}

// good notes that a picture has come.
func (c *faults) good(arrived time.Time) { c.lastGood, c.patience, c.row = arrived, faultyToGiveUp, 0 }

// fault counts a failed read and says whether it is the end: by ErrDeviceGone or ErrStalled.
func (c *faults) fault(err error, asked, failed time.Time) error {
	if isGone(err) {
		return fmt.Errorf("%w: %w", source.ErrDeviceGone, err)
	}
	c.row++
	c.broken++
	// A read that itself took so long was a silent device: the driver was waited for so long.
	silent := failed.Sub(asked) >= faultyToGiveUp
	if (silent || c.row >= faultsToGiveUp) && failed.Sub(c.lastGood) >= c.patience {
		return fmt.Errorf("%w for %v: %w", source.ErrStalled, failed.Sub(c.lastGood).Round(100*time.Millisecond), err)
	}
	if failed.Sub(c.loggedAt) >= faultLogEvery {
		c.loggedAt = failed
		c.log.Warn("skipped a broken picture", "error", err, "skipped", c.broken)
	}
	return nil
}

// isGone tells the errors after which a file descriptor of a device never works again.
func isGone(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ENODEV) || errors.Is(err, syscall.ENXIO) ||
		errors.Is(err, syscall.EBADF)
}

// How old a picture may be by the driver's clock, and how far that may be ahead: drivers work it out from a clock of the camera. More is
// a clock that does not mean what it should.
const (
	maxStampAge   = time.Second
	maxStampAhead = 20 * time.Millisecond
)

// captureTimes says when pictures were captured: as the driver says, or, where it does not or cannot be believed, by when they came.
type captureTimes struct {
	smooth clock.Smoother
	last   time.Time
}

// next is for a picture that the driver stamped, or not, and that has arrived. It is later than the one before.
func (t *captureTimes) next(stamp, arrived time.Time) time.Time {
	at := stamp
	if age := arrived.Sub(stamp); stamp.IsZero() || age < -maxStampAhead || age > maxStampAge {
		at = t.smooth.Next(arrived)
	}
	if least := t.last.Add(time.Millisecond); !t.last.IsZero() && at.Before(least) {
		at = least
	}
	t.last = at
	return at
}
