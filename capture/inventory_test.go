package capture_test

import (
	"encoding/json"
	"strings"
	"testing"

	"porthole/capture"
)

func inventory() capture.Inventory {
	return capture.Inventory{
		Cameras: []capture.CameraInfo{
			{Device: "/dev/video0", Problem: "/dev/video0: open: permission denied", Modes: []capture.Mode{}},
			{Device: "/dev/video2", Name: "HD Webcam", Bus: "usb-1", Modes: []capture.Mode{
				{Format: "YUYV", Width: 640, Height: 480, FPS: []float64{30, 29.97}},
				{Format: "MJPEG", Width: 1280, Height: 720, FPS: []float64{}},
			}},
		},
		Microphones: []capture.MicrophoneInfo{{ID: "hw:0,0", Name: "USB Audio", Default: true}},
	}
}

func TestInventoryTable(t *testing.T) {
	var text strings.Builder
	if err := inventory().WriteTable(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"/dev/video0", "permission denied", "/dev/video2  HD Webcam", "YUYV", "640x480", "30 29.97",
		"1280x720", "not told", "hw:0,0", "USB Audio", "(default)",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("table lacks %q:\n%s", want, text.String())
		}
	}
}

func TestEmptyInventory(t *testing.T) {
	var text strings.Builder
	empty := capture.Inventory{Cameras: []capture.CameraInfo{}, Microphones: []capture.MicrophoneInfo{}}
	if err := empty.WriteTable(&text); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(text.String(), "none found"); got != 2 {
		t.Errorf("table says %d times that there is nothing, want 2:\n%s", got, text.String())
	}
	data, err := json.Marshal(empty)
	if want := `{"cameras":[],"microphones":[]}`; err != nil || string(data) != want {
		t.Errorf("JSON is %s, %v, want %s", data, err, want)
	}
	if _, ok := empty.DefaultCamera(); ok {
		t.Error("an empty inventory has a default camera")
	}
}

func TestDefaultCameraCanBeCaptured(t *testing.T) {
	got, ok := inventory().DefaultCamera()
	if !ok || got.Device != "/dev/video2" {
		t.Errorf("default camera is %q, %v, want the one with modes", got.Device, ok)
	}
}

func TestInventoryJSON(t *testing.T) {
	data, err := json.Marshal(inventory().Cameras[1])
	want := `{"device":"/dev/video2","name":"HD Webcam","bus":"usb-1","modes":[` +
		`{"format":"YUYV","width":640,"height":480,"fps":[30,29.97]},` +
		`{"format":"MJPEG","width":1280,"height":720,"fps":[]}]}`
	if err != nil || string(data) != want {
		t.Errorf("got %s, %v\nwant %s", data, err, want)
	}
}
