package v4l2

import (
	"errors"
	"strings"
	"testing"

	"porthole/capture/source"
)

func TestPickMode(t *testing.T) {
	// A USB 2 webcam as they are: raw pictures are slow where they are large.
	webcam := []Mode{
		{"YUYV", 640, 480, []float64{30, 15}},
		{"YUYV", 1280, 720, []float64{10, 5}},
		{"YUYV", 1920, 1080, []float64{5}},
		{"MJPEG", 640, 480, []float64{30, 15}},
		{"MJPEG", 1280, 720, []float64{30, 15}},
		{"MJPEG", 1920, 1080, []float64{30, 15}},
	}
	for _, test := range []struct {
		name                string
		modes               []Mode
		width, height, fps  int
		format              string
		gotWidth, gotHeight int
		gotFPS              float64
	}{
		{"raw where it is fast enough", webcam, 640, 480, 30, "YUYV", 640, 480, 30},
		{"JPEG where raw is too slow", webcam, 1280, 720, 30, "MJPEG", 1280, 720, 30},
		{"raw when few pictures are asked", webcam, 1280, 720, 10, "YUYV", 1280, 720, 10},
		{"the lowest rate that is enough", webcam, 640, 480, 15, "YUYV", 640, 480, 15},
		{"nothing is fast enough: the fastest", webcam, 1280, 720, 60, "MJPEG", 1280, 720, 30},
		{"unknown size: the nearest of that shape", webcam, 1024, 576, 30, "MJPEG", 1280, 720, 30},
		{"larger than anything: the largest that moves", webcam, 3840, 2160, 30, "MJPEG", 1920, 1080, 30},
		{"motion before size", []Mode{{"YUYV", 640, 480, []float64{30}}, {"YUYV", 1920, 1080, []float64{2}}},
			1920, 1080, 30, "YUYV", 640, 480, 30},
		{"NTSC rates count as whole ones", []Mode{{"MJPEG", 640, 480, []float64{30}}, {"YUYV", 640, 480, []float64{29.97}}},
			640, 480, 30, "YUYV", 640, 480, 29.97},
		{"a faster mode rather than a slower one", []Mode{{"YUYV", 640, 480, []float64{60, 15}}},
			640, 480, 30, "YUYV", 640, 480, 60},
		{"a mode that tells its rates before one that does not", []Mode{{"YUYV", 640, 480, nil}, {"MJPEG", 640, 480, []float64{30}}},
			640, 480, 30, "MJPEG", 640, 480, 30},
		{"no rates told at all", []Mode{{"YUYV", 640, 480, nil}}, 640, 480, 30, "YUYV", 640, 480, 0},
		{"planar before packed before JPEG", []Mode{{"MJPEG", 640, 480, nil}, {"NV12", 640, 480, nil}, {"YUYV", 640, 480, nil}, {"I420", 640, 480, nil}},
			640, 480, 30, "I420", 640, 480, 0},
		{"depth pictures are none", []Mode{{"Z16", 1280, 720, []float64{30}}, {"YUYV", 320, 240, []float64{30}}},
			1280, 720, 30, "YUYV", 320, 240, 30},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := pickMode(test.modes, source.Spec{Width: test.width, Height: test.height, FPS: test.fps})
			want := Choice{test.format, test.gotWidth, test.gotHeight, test.gotFPS}
			if err != nil || got != want {
				t.Errorf("got %+v, %v, want %+v", got, err, want)
			}
		})
	}
}

func TestPickModeWithoutUsableModes(t *testing.T) {
	for _, modes := range [][]Mode{
		nil,
		{{"Z16", 640, 480, []float64{30}}},
		{{"YUYV", 0, 0, nil}},              // a loopback device that nobody feeds
		{{"YUYV", 640, 480, []float64{0}}}, // a rate that is none
	} {
		if got, err := pickMode(modes, source.Spec{Width: 640, Height: 480, FPS: 30}); !errors.Is(err, source.ErrNoMode) {
			t.Errorf("pickMode(%v) = %v, %v, want ErrNoMode", modes, got, err)
		}
	}
}

// Between H.264 that the camera encodes and pictures that are encoded here.
func TestPickModeWeighsOwnH264(t *testing.T) {
	both := []Mode{
		{"YUYV", 320, 240, []float64{30}}, {"YUYV", 640, 480, []float64{30}}, {"YUYV", 1280, 720, []float64{10}},
		{"MJPEG", 1280, 720, []float64{30}}, {"MJPEG", 1920, 1080, []float64{30}},
		{"H264", 320, 240, []float64{30}}, {"H264", 640, 480, []float64{30}}, {"H264", 1280, 720, []float64{30}}, {"H264", 1920, 1080, []float64{30}},
	}
	fast := []Mode{{"YUYV", 1920, 1080, []float64{60}}, {"H264", 1920, 1080, []float64{30}}}
	exact := []Mode{{"YUYV", 1280, 720, []float64{30}}, {"H264", 640, 360, []float64{30}}}
	between := []Mode{{"YUYV", 960, 720, []float64{30}}, {"H264", 960, 720, []float64{30}}}
	heights := source.Ladder{Heights: [source.MaxRungs]int{360}}
	for _, test := range []struct {
		name   string
		modes  []Mode
		spec   source.Spec
		format string
	}{
		{"small pictures are encoded here, in more than one size", both, source.Spec{Width: 320, Height: 240, FPS: 30}, "YUYV"},
		{"so are medium ones that come raw", both, source.Spec{Width: 640, Height: 480, FPS: 30}, "YUYV"},
		{"and in more than one size, which is worth something", between, source.Spec{Width: 960, Height: 720, FPS: 30, Ladder: source.Ladder{Auto: true}}, "YUYV"},
		{"but not where there is to be one only", between, source.Spec{Width: 960, Height: 720, FPS: 30}, "H264"},
		{"JPEG would be compressed twice", both, source.Spec{Width: 1280, Height: 720, FPS: 30}, "H264"},
		{"large ones cost too much", both, source.Spec{Width: 1920, Height: 1080, FPS: 30}, "H264"},
		{"also where they come raw", fast, source.Spec{Width: 1920, Height: 1080, FPS: 30}, "H264"},
		{"the rate that is asked for counts more", fast, source.Spec{Width: 1920, Height: 1080, FPS: 60}, "YUYV"},
		{"so does the size", exact, source.Spec{Width: 1280, Height: 720, FPS: 30}, "YUYV"},
		{"raw is asked for", both, source.Spec{Width: 1920, Height: 1080, FPS: 30, Codec: source.CodecRaw}, "MJPEG"},
		{"H.264 is asked for", both, source.Spec{Width: 320, Height: 240, FPS: 30, Codec: source.CodecH264}, "H264"},
		{"a ladder is asked for", both, source.Spec{Width: 1920, Height: 1080, FPS: 30, Ladder: heights}, "MJPEG"},
		{"there is nothing else", both[5:], source.Spec{Width: 320, Height: 240, FPS: 30}, "H264"},
	} {
		if got, err := pickMode(test.modes, test.spec); err != nil || got.Format != test.format {
			t.Errorf("%s: got %+v, %v, want %s", test.name, got, err, test.format)
		}
	}
	for cure, spec := range map[string]source.Spec{
		"codec=h264": {Width: 320, Height: 240, FPS: 30, Codec: source.CodecRaw},
		"ladder=360": {Width: 320, Height: 240, FPS: 30, Ladder: heights},
	} {
		if _, err := pickMode(both[5:], spec); !errors.Is(err, source.ErrNoMode) || !strings.Contains(err.Error(), cure) {
			t.Errorf("got %v, want ErrNoMode and %s", err, cure)
		}
	}
}
