package server

import (
	"log/slog"
	"os"
	"porthole/capture"
	"strings"
	"testing"
)

func TestDefaultSources(t *testing.T) {
	none := func(capture.Spec) error { return nil }
	working := capture.Inventory{Cameras: []capture.CameraInfo{{Device: "/dev/video0", Modes: []capture.Mode{{}}}}}
	forbidden := capture.Inventory{Cameras: []capture.CameraInfo{{Device: "/dev/video0", Problem: "permission denied"}}}
	tests := []struct {
		name    string
		machine machine
		named   []Source
		want    string // NAME=URI
		log     []string
		fault   string
	}{
		{name: "a camera", machine: machine{found(working, nil), none}, want: "webcam=camera:"},
		{name: "no camera", machine: machine{found(capture.Inventory{}, nil), none}, want: "webcam=pattern:", log: []string{"no camera found"}},
		{
			name: "a camera that cannot be asked", machine: machine{found(forbidden, nil), none},
			want: "webcam=pattern:", log: []string{"/dev/video0", "permission denied", "no camera found"},
		},
		{
			name:    "a binary without cgo relays only",
			machine: machine{found(capture.Inventory{}, capture.ErrNoCgo), none}, log: []string{"only WHIP publishers"},
		},
		{
			name:    "a camera in use is said, not replaced",
			machine: machine{found(working, nil), func(capture.Spec) error { return capture.ErrDeviceBusy }},
			fault:   "--source webcam=camera:",
		},
		{
			name: "permission", named: []Source{{Name: "a", URI: "camera:/dev/video1"}},
			machine: machine{found(working, nil), func(capture.Spec) error { return os.ErrPermission }},
			fault:   "adduser USER video",
		},
		{
			name:    "every fault is told",
			named:   []Source{{Name: "a", URI: "camera:/dev/video1"}, {Name: "b", URI: "camera:/dev/video2"}},
			machine: machine{found(working, nil), func(capture.Spec) error { return os.ErrNotExist }},
			fault:   "--source b=camera:/dev/video2",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log strings.Builder
			got, err := tt.machine.sources(tt.named, slog.New(slog.NewTextHandler(&log, nil)))
			if (err == nil) != (tt.fault == "") || (err != nil && !strings.Contains(err.Error(), tt.fault)) {
				t.Fatalf("got %v, want %q", err, tt.fault)
			}
			if tt.want != "" && (len(got) != 1 || got[0].Name+"="+got[0].URI != tt.want) {
				t.Errorf("got %v, want %s", got, tt.want)
			}
			if tt.want == "webcam=pattern:" && !strings.HasPrefix(got[0].Spec.Text, "No camera found") {
				t.Errorf("the test picture says %q, and not why it is there", got[0].Spec.Text)
			}
			for _, part := range tt.log {
				if !strings.Contains(log.String(), part) {
					t.Errorf("%q is missing in the log: %s", part, &log)
				}
			}
		})
	}
}

func found(i capture.Inventory, err error) func() (capture.Inventory, error) {
	return func() (capture.Inventory, error) { return i, err }
}
