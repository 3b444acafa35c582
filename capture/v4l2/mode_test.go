package v4l2

import (
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
			got, ok := pickMode(test.modes, source.Spec{Width: test.width, Height: test.height, FPS: test.fps})
			want := Choice{test.format, test.gotWidth, test.gotHeight, test.gotFPS}
			if !ok || got != want {
				t.Errorf("got %+v, %v, want %+v", got, ok, want)
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
		if got, ok := pickMode(modes, source.Spec{Width: 640, Height: 480, FPS: 30}); ok {
			t.Errorf("pickMode(%v) = %v, want none", modes, got)
		}
	}
}
