package v4l2_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"porthole/capture/capturetest"
	"porthole/capture/media"
	"porthole/capture/source"
	"porthole/capture/v4l2/v4l2test"
	"porthole/capture/v4l2/videodev"
)

const forceKeyframe = 0x00990900 + 229

// Starts of NAL units (ITU-T H.264): sequence and picture parameter sets, and slices.
var (
	spsConstrained = []byte{0x67, 0x42, 0x40, 0x28, 0x95, 0xa0}
	spsBaseline    = []byte{0x67, 0x42, 0x00, 0x28, 0x95, 0xa0}
	spsHigh        = []byte{0x67, 0x64, 0x00, 0x28, 0x95, 0xa0}
	pps            = []byte{0x68, 0xce, 0x3c, 0x80}
	ppsGroups      = []byte{0x68, 0xc2, 0x3c, 0x80}       // num_slice_groups_minus1 is 4
	idr            = []byte{0x65, 0x88, 0x84, 0x21, 0xa0} // first_mb 0, slice_type 7
	sliceP         = []byte{0x41, 0x9a, 0x21, 0x6c}       // first_mb 0, slice_type 5
	sliceB         = []byte{0x01, 0x9e, 0x41, 0x6c}       // first_mb 0, slice_type 6
)

// h264 is a camera of 25 pictures a second, with a keyframe every 50 and when it is asked. It has JPEG, too.
func h264(sps []byte) *v4l2test.Camera {
	modes := []videodev.Mode{
		{Format: videodev.Code("H264"), Width: 1280, Height: 720, Rates: []float64{25}},
		{Format: videodev.Code("MJPG"), Width: 1280, Height: 720, Rates: []float64{25}},
	}
	return &v4l2test.Camera{
		Name: "Own Encoder", Bus: "usb-1", Modes: modes, KeyframeControl: forceKeyframe,
		Controls: []videodev.Control{{ID: forceKeyframe, Kind: videodev.Button, Title: "Force Key Frame"}},
		Frame: func(n int, l videodev.Layout, asked bool) videodev.Frame {
			switch {
			case l.Format == videodev.Code("MJPG"):
				return videodev.Frame{Data: []byte{0xff, 0xd8}}
			case n%50 == 0 || asked:
				return videodev.Frame{Data: capturetest.Unit(slices.Clone(sps), pps, idr)}
			}
			return videodev.Frame{Data: capturetest.Unit(sliceP)}
		},
	}
}

func isKeyframe(u media.Unit) bool { return bytes.Contains(u.Data, idr) }

// opened is the camera at /dev/video0, opened by its number.
func opened(t *testing.T, c *v4l2test.Camera, query string) (again func() (*media.Input, error), in *media.Input, lines *capturetest.Lines) {
	t.Helper()
	host := v4l2test.NewHost(t)
	host.Plug("video0", c)
	log, lines := capturetest.NewLog()
	again = host.Opener(capturetest.Spec(t, "camera:?fps=25"+query), log)
	in, err := again()
	if err != nil {
		t.Fatal(err)
	}
	return again, in, lines
}

// read reads so many units.
func read(t *testing.T, in *media.Input, n int) (units []media.Unit) {
	t.Helper()
	for range n {
		u, err := in.Encoded.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		u.Data = bytes.Clone(u.Data)
		units = append(units, u)
	}
	return units
}

func closed(t *testing.T, in *media.Input) {
	t.Helper()
	if err := in.Close(); err != nil {
		t.Error(err)
	}
}

func TestOwnH264IsReadAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := h264(spsConstrained)
		_, in, _ := opened(t, c, "")
		defer closed(t, in)
		if in.Encoded == nil || in.Pictures != nil {
			t.Fatalf("opened as %v", in.About)
		}
		if want := (videodev.Setup{Format: videodev.Code("H264"), Width: 1280, Height: 720, Rate: 25}); !slices.Equal(c.Configured(), []videodev.Setup{want}) {
			t.Errorf("configured as %+v", c.Configured())
		}
		units := read(t, in, 60)
		for i, u := range units {
			if isKeyframe(u) != (i%50 == 0) {
				t.Errorf("unit %d: keyframe is %v", i, isKeyframe(u))
			}
			if want := units[0].CapturedAt.Add(time.Duration(i) * 40 * time.Millisecond); !u.CapturedAt.Equal(want) {
				t.Fatalf("unit %d was captured %v after the first, want %v: the driver says it", i, u.CapturedAt.Sub(units[0].CapturedAt), want.Sub(units[0].CapturedAt))
			}
		}
		in.Encoded.RequestKeyframe()
		synctest.Wait()
		if u := read(t, in, 1)[0]; !isKeyframe(u) {
			t.Error("no keyframe was made of a request")
		}
	})
}

// What reads ends at once, whatever the camera does.
func TestReadingEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := h264(spsConstrained)
		c.Modes[0].Rates = []float64{1}
		_, in, _ := opened(t, c, "&codec=h264")
		defer closed(t, in)
		read(t, in, 1)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		began := time.Now()
		if _, err := in.Encoded.Read(ctx); !errors.Is(err, context.Canceled) || time.Since(began) > 200*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestH264ThatIsNothingForBrowsers(t *testing.T) {
	withB := h264(spsConstrained)
	frame := withB.Frame
	withB.Frame = func(n int, l videodev.Layout, asked bool) videodev.Frame {
		if l.Format == videodev.Code("H264") && n == 10 {
			return videodev.Frame{Data: capturetest.Unit(sliceB)}
		}
		return frame(n, l, asked)
	}
	noKeyframes := h264(spsConstrained)
	noKeyframes.Frame = func(int, videodev.Layout, bool) videodev.Frame { return videodev.Frame{Data: capturetest.Unit(sliceP)} }
	groups := h264(spsBaseline)
	groups.Frame = func(int, videodev.Layout, bool) videodev.Frame {
		return videodev.Frame{Data: capturetest.Unit(slices.Clone(spsBaseline), ppsGroups, idr)}
	}
	for reason, c := range map[string]*v4l2test.Camera{
		"profile High": h264(spsHigh), "B-frames": withB, "no keyframe for 5s": noKeyframes, "slice groups": groups,
	} {
		synctest.Test(t, func(t *testing.T) {
			again, in, lines := opened(t, c, "")
			var err error
			for err == nil {
				_, err = in.Encoded.Read(t.Context())
			}
			if !errors.Is(err, source.ErrOtherMode) || !strings.Contains(err.Error(), reason) {
				t.Errorf("ended with %v, want ErrOtherMode because of %s", err, reason)
			}
			closed(t, in)
			if in, err = again(); err != nil || in.Pictures == nil {
				t.Fatalf("opened again: %+v, %v, want raw pictures", in, err)
			}
			closed(t, in)
			if lines.Count(reason) != 1 {
				t.Errorf("the reason %q was logged %d times", reason, lines.Count(reason))
			}
		})
	}
}

func TestH264ThatIsAskedForIsSentAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, in, lines := opened(t, h264(spsHigh), "&codec=h264")
		defer closed(t, in)
		read(t, in, 120)
		if lines.Count("will not play everywhere") != 1 || lines.Count("High") != 1 {
			t.Error("it is not told once that some browsers do not play it")
		}
	})
}

// A camera that has nothing else is sent as it is, too.
func TestH264AloneIsSentAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := h264(spsHigh)
		c.Modes = c.Modes[:1]
		_, in, _ := opened(t, c, "")
		defer closed(t, in)
		read(t, in, 120)
	})
}

func TestBaselineIsCalledConstrained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, in, _ := opened(t, h264(spsBaseline), "")
		defer closed(t, in)
		if u := read(t, in, 1)[0]; !bytes.Contains(u.Data, spsConstrained) {
			t.Errorf("the parameter set is %x", u.Data[:12])
		}
	})
}

// After a picture was lost, nothing is sent that refers to it.
func TestLostPictures(t *testing.T) {
	broken := func(f videodev.Frame) videodev.Frame { f.Broken = true; return f }
	for name, lose := range map[string]func(n int, f videodev.Frame) videodev.Frame{
		"the driver has lost one": func(n int, f videodev.Frame) videodev.Frame {
			f.Sequence = uint32(n)
			if n >= 10 {
				f.Sequence++
			}
			return f
		},
		"one is broken": func(n int, f videodev.Frame) videodev.Frame {
			if n == 10 {
				return broken(f)
			}
			return f
		},
		"one is no H.264": func(n int, f videodev.Frame) videodev.Frame {
			if n == 10 {
				f.Data = []byte("anything")
			}
			return f
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := h264(spsConstrained)
				frame := c.Frame
				c.Frame = func(n int, l videodev.Layout, asked bool) videodev.Frame { return lose(n, frame(n, l, asked)) }
				_, in, _ := opened(t, c, "")
				defer closed(t, in)
				units := read(t, in, 30)
				keyframes := 0
				for i, u := range units {
					if isKeyframe(u) {
						keyframes++
					}
					if i == 10 && !isKeyframe(u) {
						t.Error("what comes behind the hole is no keyframe")
					}
				}
				if keyframes != 2 || len(c.Sets()) != 1 || c.Sets()[0].ID != forceKeyframe {
					t.Errorf("%d keyframes, asked for by %+v", keyframes, c.Sets())
				}
			})
		})
	}
}

func TestOwnCameraThatIsGoneOrSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := v4l2test.NewHost(t)
		host.Plug("video0", h264(spsConstrained))
		log, _ := capturetest.NewLog()
		in, err := host.Opener(capturetest.Spec(t, "camera:?codec=h264"), log)()
		if err != nil {
			t.Fatal(err)
		}
		defer closed(t, in)
		read(t, in, 3)
		host.Unplug("video0")
		if _, err := in.Encoded.Read(t.Context()); !errors.Is(err, source.ErrDeviceGone) || !errors.Is(err, syscall.ENODEV) {
			t.Errorf("got %v, want ErrDeviceGone", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		c := h264(spsConstrained)
		c.Modes[0].Rates = []float64{0.1}
		_, in, _ := opened(t, c, "&codec=h264")
		defer closed(t, in)
		read(t, in, 1)
		began := time.Now()
		if _, err := in.Encoded.Read(t.Context()); !errors.Is(err, source.ErrStalled) || time.Since(began) > 3*time.Second {
			t.Errorf("%v after %v, want ErrStalled", err, time.Since(began))
		}
	})
}

// TestEncodersOfUSBCameras is about those that have the extension unit: what is asked of it stands in the specification of H.264 payloads.
func TestEncodersOfUSBCameras(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := h264(spsConstrained)
		c.Controls, c.KeyframeControl = nil, 0
		c.Units = []videodev.ExtensionUnit{
			{ID: 6, GUID: [16]byte{1}},
			{ID: 12, GUID: [16]byte{0x41, 0x76, 0x9e, 0xa2, 0x04, 0xde, 0xe3, 0x47, 0x8b, 0x2b, 0xf4, 0x34, 0x1a, 0xff, 0x00, 0x3b}},
		}
		var committed []byte
		current := make([]byte, 47) // a byte more than is known
		current[37] = 2             // bNumOfReorderFrames
		c.Ask = func(unit, selector uint8, q videodev.Query, data []byte) error {
			switch {
			case unit != 12:
				t.Errorf("unit %d was asked", unit)
			case selector == 1 && q == videodev.GetLen:
				binary.LittleEndian.PutUint16(data, uint16(len(current)))
			case selector == 1 && q == videodev.GetCur:
				copy(data, current)
			case selector == 1 && q == videodev.SetCur:
				copy(current, data)
				binary.LittleEndian.PutUint32(current[4:], 2_000_000) // it has its own opinion
			case selector == 2 && q == videodev.SetCur:
				committed = bytes.Clone(data)
			case selector == 9 && q == videodev.SetCur && bytes.Equal(data, []byte{0, 0, 1, 0}):
				c.AskForKeyframe()
			default:
				t.Errorf("control %d was asked %#x with %x", selector, q, data)
			}
			return nil
		}
		_, in, _ := opened(t, c, "&bitrate=3M&keyframe=4s")
		defer closed(t, in)
		le := binary.LittleEndian
		if len(committed) != 47 || le.Uint32(committed) != 400_000 || le.Uint32(committed[4:]) != 2_000_000 ||
			le.Uint16(committed[12:]) != 1280 || le.Uint16(committed[14:]) != 720 || le.Uint16(committed[20:]) != 0x4240 ||
			le.Uint16(committed[22:]) != 4000 || committed[37] != 0 {
			t.Errorf("committed %x", committed)
		}
		read(t, in, 3)
		in.Encoded.RequestKeyframe()
		synctest.Wait()
		if u := read(t, in, 1)[0]; !isKeyframe(u) {
			t.Error("no keyframe was made of a request")
		}
	})
}

// TestEncodersWithControls is about those that have the kernel's controls.
func TestEncodersWithControls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := h264(spsConstrained)
		const codecs = 0x00990900
		c.Controls = append(c.Controls,
			videodev.Control{ID: codecs + 207, Kind: videodev.Integer, Min: 25_000, Max: 2_000_000},                                     // bitrate
			videodev.Control{ID: codecs + 358, Kind: videodev.Integer, Min: 0, Max: 1000},                                               // I-frame period
			videodev.Control{ID: codecs + 226, Kind: videodev.Boolean, Max: 1},                                                          // repeat sequence header
			videodev.Control{ID: codecs + 363, Kind: videodev.Menu, Max: 4, Items: []videodev.Item{{Index: 0}, {Index: 1}, {Index: 4}}}, // profile
		)
		_, in, _ := opened(t, c, "&keyframe=4s")
		defer closed(t, in)
		want := []v4l2test.Set{{ID: codecs + 363, Value: 1}, {ID: codecs + 207, Value: 2_000_000}, {ID: codecs + 358, Value: 100}, {ID: codecs + 226, Value: 1}}
		if !slices.Equal(c.Sets(), want) {
			t.Errorf("set %+v, want %+v", c.Sets(), want)
		}
	})
}

// The image processor of a Raspberry Pi has nodes that look like cameras.
func TestImageProcessorIsNoCamera(t *testing.T) {
	host := v4l2test.NewHost(t)
	processor := h264(spsConstrained)
	processor.Driver = "bcm2835-isp"
	host.Plug("video14", processor)
	if err := host.Check(capturetest.Spec(t, "camera:")); !errors.Is(err, source.ErrNoCamera) || len(host.List()) > 0 {
		t.Errorf("got %v, and the list %+v", err, host.List())
	}
}

// Many cameras have a node of their own for H.264.
func TestH264OnAnotherNodeOfTheCamera(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second, other := h264(spsConstrained), h264(spsConstrained), h264(spsConstrained)
		first.Modes, second.Modes, other.Bus = first.Modes[1:], second.Modes[:1], "usb-2"
		infrared := &v4l2test.Camera{Name: "Own Encoder IR", Bus: "usb-1", Modes: []videodev.Mode{
			{Format: videodev.Code("YUYV"), Width: 1280, Height: 720, Rates: []float64{30}}, // cheaper than JPEG, and as asked
		}}
		host := v4l2test.NewHost(t)
		host.Plug("video0", first)
		host.Plug("video2", second)
		host.Plug("video4", other)
		host.Plug("video6", infrared)
		log, _ := capturetest.NewLog()
		for uri, own := range map[string]bool{"camera:": true, "camera:video0": true, "camera:?codec=raw": false, "camera:" + string(host.Dir) + "/video0": false} {
			in, err := host.Opener(capturetest.Spec(t, uri), log)()
			if err != nil || (in.Encoded != nil) != own {
				t.Errorf("%s: %+v, %v, want its own H.264: %v", uri, in, err, own)
				continue
			}
			closed(t, in)
		}
		if len(other.Configured()) > 0 || len(infrared.Configured()) > 0 {
			t.Error("another camera was opened, or another eye")
		}
		if _, err := host.Opener(capturetest.Spec(t, "camera:"+string(host.Dir)+"/video0?codec=h264"), log)(); !errors.Is(err, source.ErrNoMode) || !strings.Contains(err.Error(), "codec=raw") {
			t.Errorf("got %v, want ErrNoMode and the cure", err)
		}
		if list := host.List(); len(list) != 4 || list[1].Modes[0].Format != "H264" {
			t.Errorf("listed %+v", list)
		}
	})
}
