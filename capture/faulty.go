//go:build faults

package capture

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"porthole/capture/encode"
	"porthole/capture/media"
	"porthole/capture/source"
	"porthole/capture/synthetic"
	"porthole/capture/v4l2"
)

// In a binary that is built with -tags faults, there is one more kind of source: a camera that does not exist and has whatever
// fault it is told, for tests that break things on purpose. Everything above the driver is as for a real camera.
//
//	faulty:/DIR/video0?size=320x180&fps=30&ondemand=1s     and all that a camera takes
//
// It has some controls, too, which do nothing. DIR stands for /dev, and the regular file /DIR/video0, whose name must begin with "video", for the camera's node. The camera
// shows the test picture, with its clock, and has the test tone unless mic=off.
//
// With codec=h264 it encodes by itself; of the faults below, it has "gone", "busy" and "permission" only.
//
//   - Removing the file unplugs the camera, creating it plugs it in. With a link to it in /DIR/v4l/by-id, as in
//     ln -s ../../video0 /DIR/v4l/by-id/usb-fake, it may come back as /DIR/video3 when the link then leads there.
//
//   - What stands in the file is what is wrong with the camera from now on. Nothing (an empty file): it works. A chmod after
//     writing has a failed camera tried again at once, as it has with a real one.
//
//     busy           opening fails: "another (pid 1)" uses the camera
//     permission     opening fails: it is not allowed
//     gone           reading fails as from a camera that was pulled out, although the file is there
//     stall          no picture comes
//     corrupt        every picture is broken
//     flaky          every third picture is broken
//     encoder-error  the encoder fails at every picture; only under the name that the source was given
//     encoder-panic  the encoder panics at every picture; likewise
//     size WxH       pictures have another size, from when the camera is opened the next time
//
// faultOf reads what is wrong with the camera of a node.
func faultOf(node string) (fault, argument string, err error) {
	text, err := os.ReadFile(node)
	if err != nil {
		return "", "", err
	}
	fault, argument, _ = strings.Cut(strings.TrimSpace(string(text)), " ")
	return fault, argument, nil
}

// extraDevice is the faulty camera.
func extraDevice(spec source.Spec, log *slog.Logger) media.Device {
	if spec.Kind != source.Faulty {
		return nil
	}
	dir := v4l2.Dir(filepath.Dir(spec.Device))
	if spec.Codec == source.CodecH264 {
		return faultyHost(dir, spec).New(spec, log)
	}
	camera := v4l2.NewCamera(spec, dir, func(name string) (*media.Input, string, error) { return openFaulty(dir, name, spec, log) })
	return camera.WithControls(spec.Controls, newFaultyControls().open(spec, dir), log)
}

func checkDevice(spec source.Spec) error {
	if spec.Kind != source.Faulty {
		return v4l2.ThisMachine().Check(spec)
	}
	if !strings.HasPrefix(filepath.Base(spec.Device), "video") {
		return fmt.Errorf("%s: the name of the file must begin with video", spec.Device)
	}
	return v4l2.Dir(filepath.Dir(spec.Device)).Look(spec.Device)
}

func openFaulty(dir v4l2.Dir, name string, spec source.Spec, log *slog.Logger) (*media.Input, string, error) {
	node, err := dir.Resolve(name)
	if err != nil {
		return nil, "", err
	}
	fault, argument, err := faultOf(node)
	if err != nil {
		return nil, "", err
	}
	drawn := spec
	switch fault {
	case "busy":
		return nil, "", &source.BusyError{Device: node, Holders: []string{"another (pid 1)"}}
	case "permission":
		return nil, "", &fs.PathError{Op: "open", Path: node, Err: fs.ErrPermission}
	case "size":
		width, height, _ := strings.Cut(argument, "x")
		w, errW := strconv.Atoi(width)
		h, errH := strconv.Atoi(height)
		if err := errors.Join(errW, errH); err != nil {
			return nil, "", fmt.Errorf("%s: size %q: %w", node, argument, err)
		}
		drawn.Width, drawn.Height = w, h
	}
	driver := &faultyDriver{node: node, pictures: synthetic.NewPatternSource(drawn, time.Now())}
	shots := v4l2.Images(driver, false, driver.Close)
	mode := v4l2.Choice{Format: "I420", Width: drawn.Width, Height: drawn.Height, FPS: float64(spec.FPS)}
	in := &media.Input{
		Pictures: v4l2.NewReader(shots, mode, spec, log.With("device", node)), FPS: float64(spec.FPS),
		About: []any{"device", node},
	}
	if spec.Microphone != source.MicOff {
		in.Sound = synthetic.NewToneSource(time.Now())
	}
	return in, node, nil
}

// faultyDriver delivers pictures as a camera's driver does, which waits for up to readTimeout and knows no context.
type faultyDriver struct {
	node     string
	pictures *synthetic.PatternSource
	n        int
}

// Read fails as the file says.
func (d *faultyDriver) Read() (image.Image, func(), error) {
	fault, _, err := faultOf(d.node)
	if err != nil || fault == "gone" {
		return nil, nil, syscall.ENODEV
	}
	if fault == "stall" {
		time.Sleep(v4l2.ReadTimeout)
		return nil, nil, errors.New("read timeout")
	}
	f := new(media.Picture)
	if err := d.pictures.Read(context.Background(), f); err != nil {
		return nil, nil, err
	}
	d.n++
	if fault == "corrupt" || fault == "flaky" && d.n%3 == 0 {
		return nil, nil, errors.New("invalid JPEG format: missing SOI marker")
	}
	return &image.YCbCr{
		Y: f.Y, Cb: f.U, Cr: f.V, YStride: f.Width, CStride: f.Width / 2,
		SubsampleRatio: image.YCbCrSubsampleRatio420, Rect: image.Rect(0, 0, f.Width, f.Height),
	}, func() {}, nil
}

// Close does nothing.
func (d *faultyDriver) Close() error { return nil }

// libraryFor lets the encoders of a faulty source fail as its file says.
func libraryFor(spec source.Spec, l encode.Library) encode.Library {
	if spec.Kind != source.Faulty {
		return l
	}
	return faultyLibrary{l, spec.Device}
}

type faultyLibrary struct {
	encode.Library
	node string
}

func (l faultyLibrary) NewVideo(p encode.Params) (encode.VideoEncoder, error) {
	encoder, err := l.Library.NewVideo(p)
	if err != nil {
		return nil, err
	}
	return faultyEncoder{encoder, l.node}, nil
}

type faultyEncoder struct {
	encode.VideoEncoder
	node string
}

// Encode fails as the file says; what cannot be read is the camera's business.
func (e faultyEncoder) Encode(f *media.Picture, keyframe bool) ([]byte, error) {
	switch fault, _, _ := faultOf(e.node); fault {
	case "encoder-error":
		return nil, errors.New("an encoder that fails because it was told to")
	case "encoder-panic":
		panic("an encoder that panics because it was told to")
	}
	return e.VideoEncoder.Encode(f, keyframe)
}
