//go:build cgo

package capture

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/pion/mediadevices/pkg/driver"
	"github.com/pion/mediadevices/pkg/driver/camera"
	"github.com/pion/mediadevices/pkg/frame"
	"github.com/pion/mediadevices/pkg/prop"
)

// registry guards mediadevices' list of drivers, which is one per process, and the opening of what is in it: the library
// lets two goroutines look for cameras at once and then has each of them twice.
var registry sync.Mutex //nolint:gochecknoglobals // what it guards is global, and not ours

func newCodecs() (codecs, error) { return libraryCodecs{}, nil }

// foundCamera is a driver that is not open, with the node that it stands for.
type foundCamera struct {
	node   string // /dev/videoN, links resolved
	driver driver.Driver
}

// scanCameras looks for cameras anew. The library makes new drivers for all of them, whose state nobody else shares;
// those that are streaming go on. The caller holds registry.
func scanCameras() []foundCamera {
	camera.Initialize()
	drivers := driver.GetManager().Query(driver.FilterAnd(
		driver.FilterVideoRecorder(), driver.FilterDeviceType(driver.Camera)))
	var found []foundCamera
	for _, d := range drivers {
		// The label is the name of a link in /dev/v4l, and the node that it leads to.
		_, node, ok := strings.Cut(d.Info().Label, camera.LabelSeparator)
		if !ok {
			node = d.Info().Label
		}
		found = append(found, foundCamera{filepath.Join("/dev", node), d})
	}
	slices.SortFunc(found, func(a, b foundCamera) int {
		return cmp.Or(cmp.Compare(len(a.node), len(b.node)), cmp.Compare(a.node, b.node))
	})
	return found
}

// openModes opens the driver and asks for its modes. After an error it is closed.
func (c foundCamera) openModes() ([]Mode, error) {
	if err := c.driver.Open(); err != nil {
		return nil, fmt.Errorf("%s: open: %w", c.node, err)
	}
	modes := modesOf(c.driver.Properties())
	if len(modes) == 0 {
		_ = c.driver.Close()
		return nil, fmt.Errorf("%s: %w", c.node, ErrNoMode)
	}
	return modes, nil
}

// modesOf gathers the driver's list, which repeats every format and size for every rate.
func modesOf(properties []prop.Media) []Mode {
	type key struct {
		format        string
		width, height int
	}
	index := make(map[key]int)
	modes := []Mode{}
	for _, p := range properties {
		k := key{string(p.FrameFormat), p.Width, p.Height}
		if _, usable := decodingCost(k.format); !usable || k.width <= 0 || k.height <= 0 {
			continue
		}
		i, known := index[k]
		if !known {
			i = len(modes)
			index[k] = i
			modes = append(modes, Mode{Format: k.format, Width: k.width, Height: k.height, FPS: []float64{}})
		}
		// The library computes rates in float32: 29.97 is 29.969999.
		fps := roundTo(float64(p.FrameRate), 1000)
		if fps > 0 && !slices.Contains(modes[i].FPS, fps) {
			modes[i].FPS = append(modes[i].FPS, fps)
		}
	}
	sortModes(modes)
	return modes
}

func listDevices() (Inventory, error) {
	registry.Lock()
	defer registry.Unlock()
	inventory := Inventory{Cameras: []CameraInfo{}, Microphones: listMicrophones()}
	for _, c := range scanCameras() {
		name, bus, _ := strings.Cut(c.driver.Info().Name, camera.LabelSeparator)
		info := CameraInfo{Device: c.node, Name: name, Bus: bus, Modes: []Mode{}}
		modes, err := c.openModes()
		switch {
		case err == nil:
			info.Modes = modes
			_ = c.driver.Close()
		case errors.Is(err, ErrNoMode):
			continue
		default:
			info.Problem = err.Error()
		}
		inventory.Cameras = append(inventory.Cameras, info)
	}
	return inventory, nil
}

// findCamera returns the camera that the spec means. The caller holds registry.
func findCamera(spec Spec) (foundCamera, error) {
	cameras := scanCameras()
	if spec.Device == "" {
		return firstCamera(cameras)
	}
	node, err := filepath.EvalSymlinks(spec.Device)
	if err != nil {
		if path, ok := errors.AsType[*fs.PathError](err); ok {
			err = path.Err // it names a part of the path, which the line would repeat
		}
		return foundCamera{}, fmt.Errorf("%s: %w", spec.Device, err)
	}
	for _, c := range cameras {
		if c.node == node {
			return c, nil
		}
	}
	return foundCamera{}, fmt.Errorf("%s: not a video device", spec.Device)
}

// firstCamera returns the first that has a mode. When there is none, but a device that could not be asked, the error is its.
func firstCamera(cameras []foundCamera) (foundCamera, error) {
	result := ErrNoCamera
	for _, c := range cameras {
		_, err := c.openModes()
		if err == nil {
			_ = c.driver.Close()
			return c, nil
		}
		if !errors.Is(err, ErrNoMode) && errors.Is(result, ErrNoCamera) {
			result = err
		}
	}
	return foundCamera{}, result
}

// startCamera opens the camera and starts it in the best mode.
func startCamera(spec Spec) (foundCamera, imageReader, choice, error) {
	registry.Lock()
	defer registry.Unlock()
	c, err := findCamera(spec)
	if err != nil {
		return c, nil, choice{}, err
	}
	modes, err := c.openModes()
	if err != nil {
		return c, nil, choice{}, err
	}
	mode, ok := pickMode(modes, spec)
	if !ok {
		_ = c.driver.Close()
		return c, nil, choice{}, fmt.Errorf("%s: %w", c.node, ErrNoMode)
	}
	images, err := c.record(mode, spec)
	if err != nil {
		return c, nil, choice{}, err
	}
	return c, images, mode, nil
}

// record starts an open driver. After an error it is closed.
func (c foundCamera) record(mode choice, spec Spec) (imageReader, error) {
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
	images, err := recorder.VideoRecord(media)
	if err != nil && mode.FPS == 0 && !isBusy(err) {
		if err = c.driver.Open(); err == nil {
			media.FrameRate = 0
			images, err = recorder.VideoRecord(media)
		}
	}
	switch {
	case err == nil:
		return images, nil
	case isBusy(err):
		return nil, busyError(c.node, holders(c.node))
	}
	return nil, fmt.Errorf("%s: start %s %dx%d: %w", c.node, mode.Format, mode.Width, mode.Height, err)
}

// isBusy looks at the text too, because the library keeps only that of some errors.
func isBusy(err error) bool {
	return errors.Is(err, syscall.EBUSY) || strings.Contains(err.Error(), syscall.EBUSY.Error())
}

func checkCamera(spec Spec) error {
	c, _, _, err := startCamera(spec)
	if err != nil {
		return err
	}
	if err := c.driver.Close(); err != nil {
		return fmt.Errorf("%s: close: %w", c.node, err)
	}
	return nil
}

func openCamera(spec Spec, log *slog.Logger) (*input, error) {
	c, images, mode, err := startCamera(spec)
	if err != nil {
		return nil, err
	}
	in := &input{
		video: newCameraSource(images, c.driver.Close, mode, spec, log.With("device", c.node)),
		fps:   expectedRate(mode, spec),
		about: []any{
			"device", c.node, "format", mode.Format, "size", fmt.Sprintf("%dx%d", mode.Width, mode.Height),
			"fps", mode.FPS, "bitrate", spec.Bitrate,
		},
	}
	microphone, err := openMicrophone(spec.Microphone)
	if err != nil {
		log.Warn("no sound", "error", err)
		return in, nil
	}
	if microphone != nil {
		in.audio = microphone
		in.about = append(in.about, "microphone", microphone.name)
	}
	return in, nil
}
