//go:build cgo

package v4l2

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pion/mediadevices/pkg/driver"
	"github.com/pion/mediadevices/pkg/driver/camera"
	"github.com/pion/mediadevices/pkg/prop"

	"porthole/capture/drivers"
	"porthole/capture/media"
	"porthole/capture/source"
	"porthole/internal/holders"
)

// errAmbiguous is for a part of a name that several cameras have.
var errAmbiguous = errors.New("say which one")

// foundCamera is a driver that is not open, with the node that it stands for.
type foundCamera struct {
	node   string // /dev/videoN, links resolved
	driver driver.Driver
}

// scanCameras looks for cameras anew. The library makes new drivers for all of them, whose state nobody else shares;
// those that are streaming go on. The caller holds drivers.
func scanCameras() []foundCamera {
	camera.Initialize()
	recorders := driver.GetManager().Query(driver.FilterAnd(
		driver.FilterVideoRecorder(), driver.FilterDeviceType(driver.Camera)))
	var found []foundCamera
	for _, d := range recorders {
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
	err := c.driver.Open()
	switch {
	case err != nil && isBusy(err): // some drivers can be open only once
		return nil, &source.BusyError{Device: c.node, Holders: holdersOf(c.node)}
	case errors.Is(err, fs.ErrPermission):
		return nil, &fs.PathError{Op: "open", Path: c.node, Err: fs.ErrPermission}
	case err != nil:
		return nil, fmt.Errorf("%s: open: %w", c.node, err)
	}
	modes := modesOf(c.driver.Properties())
	if len(modes) == 0 {
		_ = c.driver.Close()
		return nil, fmt.Errorf("%s: %w", c.node, source.ErrNoMode)
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
		fps := math.Round(float64(p.FrameRate)*1000) / 1000
		if fps > 0 && !slices.Contains(modes[i].FPS, fps) {
			modes[i].FPS = append(modes[i].FPS, fps)
		}
	}
	sortModes(modes)
	return modes
}

// List returns the cameras that the machine has now; never nil. The error is ErrNoCgo.
func List() ([]CameraInfo, error) {
	drivers.Lock()
	defer drivers.Unlock()
	list := []CameraInfo{}
	for _, c := range scanCameras() {
		name, bus, _ := strings.Cut(c.driver.Info().Name, camera.LabelSeparator)
		info := CameraInfo{Device: c.node, ID: system.id(c.node), Name: name, Bus: bus, Modes: []Mode{}}
		modes, err := c.openModes()
		switch {
		case err == nil:
			info.Modes = modes
			_ = c.driver.Close()
		case errors.Is(err, source.ErrNoMode):
			continue
		default:
			info.Problem = err.Error()
		}
		list = append(list, info)
	}
	return list, nil
}

// findCamera opens the camera of this name (see Spec.Device), and returns its modes. The caller holds drivers.
func findCamera(name string) (foundCamera, []Mode, error) {
	cameras := scanCameras()
	path := system.path(name)
	if path == "" {
		return firstCamera(slices.DeleteFunc(cameras, func(c foundCamera) bool {
			return !system.named(name, c.node, c.driver.Info().Name)
		}), name)
	}
	node, err := resolve(path)
	if err != nil {
		return foundCamera{}, nil, err
	}
	for _, c := range cameras {
		if c.node == node {
			modes, err := c.openModes()
			return c, modes, err
		}
	}
	return foundCamera{}, nil, fmt.Errorf("%s: not a video device", path)
}

// firstCamera opens the first that has a mode; when a name was asked for, the only one. When there is none, but a device
// that could not be asked, the error is its.
func firstCamera(cameras []foundCamera, name string) (foundCamera, []Mode, error) {
	result := source.ErrNoCamera
	if name != "" {
		result = fmt.Errorf("%w with %q in its name", source.ErrNoCamera, name)
	}
	var found foundCamera
	var modes []Mode
	for _, c := range cameras {
		other, err := c.openModes()
		switch {
		case err == nil && modes == nil:
			found, modes = c, other
		case err == nil:
			_, _ = c.driver.Close(), found.driver.Close()
			return foundCamera{}, nil, fmt.Errorf("%q is in the names of both %s and %s: %w", name, found.node, c.node, errAmbiguous)
		case !errors.Is(err, source.ErrNoMode) && errors.Is(result, source.ErrNoCamera):
			result = err
		}
		if modes != nil && name == "" {
			break
		}
	}
	if modes == nil {
		return foundCamera{}, nil, result
	}
	return found, modes, nil
}

// startCamera opens the camera of this name and starts it in the mode that suits the spec best.
func startCamera(name string, spec source.Spec) (foundCamera, ImageReader, Choice, error) {
	drivers.Lock()
	defer drivers.Unlock()
	c, modes, err := findCamera(name)
	if err != nil {
		return c, nil, Choice{}, err
	}
	mode, ok := pickMode(modes, spec)
	if !ok {
		_ = c.driver.Close()
		return c, nil, Choice{}, fmt.Errorf("%s: %w", c.node, source.ErrNoMode)
	}
	images, err := c.record(mode, spec)
	if err != nil {
		return c, nil, Choice{}, err
	}
	return c, images, mode, nil
}

// Check opens the camera and closes it again. One that is on demand is not started: its light stays off.
func Check(spec source.Spec) error {
	c, err := tryCamera(spec)
	if err != nil {
		return err
	}
	if err := c.driver.Close(); err != nil {
		return fmt.Errorf("%s: close: %w", c.node, err)
	}
	return nil
}

func tryCamera(spec source.Spec) (foundCamera, error) {
	if !spec.OnDemand {
		c, _, _, err := startCamera(spec.Device, spec)
		return c, err
	}
	drivers.Lock()
	defer drivers.Unlock()
	c, _, err := findCamera(spec.Device)
	return c, err
}

// New returns the camera of this machine that the spec asks for.
func New(spec source.Spec, log *slog.Logger) *Camera {
	return NewCamera(spec, system, func(name string) (*media.Input, string, error) { return openCamera(name, spec, log) })
}

func openCamera(name string, spec source.Spec, log *slog.Logger) (_ *media.Input, node string, err error) {
	c, images, mode, err := startCamera(name, spec)
	if err != nil {
		return nil, "", err
	}
	return &media.Input{
		Pictures: NewReader(images, c.driver.Close, mode, spec, log.With("device", c.node)),
		FPS:      ExpectedRate(mode, spec),
		About: []any{
			"device", c.node, "format", mode.Format, "size", fmt.Sprintf("%dx%d", mode.Width, mode.Height),
			"fps", mode.FPS, "bitrate", spec.Bitrate,
		},
	}, c.node, nil
}

// holdersOf names the other processes that have a device open.
func holdersOf(node string) (names []string) {
	for _, p := range holders.System.OfFile(node) {
		if p.PID != os.Getpid() {
			names = append(names, p.String())
		}
	}
	return names
}
