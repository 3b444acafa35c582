//go:build cgo

package v4l2

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/pion/mediadevices/pkg/driver"
	"github.com/pion/mediadevices/pkg/frame"
	"github.com/pion/mediadevices/pkg/prop"

	"porthole/capture/source"
)

// record starts an open driver. After an error it is closed.
func (c foundCamera) record(mode Choice, spec source.Spec) (ImageReader, error) {
	recorder, ok := c.driver.(driver.VideoRecorder)
	if !ok {
		_ = c.driver.Close()
		return nil, fmt.Errorf("%s: driver %T records no video", c.node, c.driver)
	}
	media := prop.Media{Video: prop.Video{
		Width: mode.Width, Height: mode.Height, FrameFormat: frame.Format(mode.Format), FrameRate: float32(mode.FPS),
	}}
	if mode.FPS == 0 {
		// A driver that does not tell its rates may still take one; where it does not, it runs at its own.
		media.FrameRate = float32(spec.FPS)
	}
	if err := limitReading(); err != nil {
		_ = c.driver.Close()
		return nil, err
	}
	images, err := c.begin(recorder, media)
	if err != nil && mode.FPS == 0 && !isBusy(err) {
		if err = c.driver.Open(); err == nil {
			media.FrameRate = 0
			images, err = c.begin(recorder, media)
		}
	}
	switch {
	case err == nil:
		return images, nil
	case isBusy(err):
		return nil, &source.BusyError{Device: c.node, Holders: holdersOf(c.node)}
	}
	return nil, fmt.Errorf("%s: start %s %dx%d: %w", c.node, mode.Format, mode.Width, mode.Height, err)
}

// begin starts a recorder. After an error its driver is closed, and nothing of it is left.
func (c foundCamera) begin(recorder driver.VideoRecorder, media prop.Media) (ImageReader, error) {
	images, err := recorder.VideoRecord(media)
	if err != nil {
		return nil, errors.Join(err, releaseLeftovers(c.node))
	}
	return images, nil
}

// limitReading tells the library how long to wait for a picture, unless the operator has. It reads the environment at every start,
// and nothing else: there is no other way to tell it.
func limitReading() error {
	const variable = "PION_MEDIADEVICES_CAMERA_READ_TIMEOUT"
	if _, told := os.LookupEnv(variable); told {
		return nil
	}
	return os.Setenv(variable, strconv.Itoa(ReadTimeout))
}

// isBusy looks at the text too, because the library keeps only that of some errors.
func isBusy(err error) bool {
	return errors.Is(err, syscall.EBUSY) || strings.Contains(err.Error(), syscall.EBUSY.Error())
}
