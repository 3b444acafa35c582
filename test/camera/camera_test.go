//go:build camera

package camera

import (
	"encoding/json"
	"math"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"porthole/capture"
	"porthole/internal/sourceinfo"
	"porthole/test/camera/report"
)

const width, height = 640, 480

// TestVirtualCamera boots the machine once, for all that is looked at.
func TestVirtualCamera(t *testing.T) {
	m, told := boot(t)
	t.Logf("reached after so many seconds: %v", told.Seconds)
	if told.Failure != "" {
		t.Errorf("the guest failed: %s\n%s", told.Failure, m.consoleTail())
	}
	t.Run("devices are listed", func(t *testing.T) { checkDevices(t, told.Devices) })
	t.Run("stream is whole", func(t *testing.T) { checkWatched(t, told.Watched) })
	t.Run("recording decodes to pictures", func(t *testing.T) { checkRecording(t, m.video, told.Watched.Pictures) })
	t.Run("every format shows the same", func(t *testing.T) { checkFormats(t, told.Formats) })
	t.Run("controls are set, and kept when it is replugged", func(t *testing.T) { checkControls(t, told.Controls) })
	t.Run("busy camera is told with who uses it", func(t *testing.T) { checkBusy(t, told.Busy) })
	t.Run("every fault is survived", func(t *testing.T) { checkFaults(t, told.Faults) })
	t.Run("camera is off while nobody watches", func(t *testing.T) { checkOnDemand(t, told) })
	t.Run("replugged camera comes back to the same viewer", func(t *testing.T) { checkReplug(t, told.Replug) })
}

func checkDevices(t *testing.T, data json.RawMessage) {
	var inventory capture.Inventory
	if err := json.Unmarshal(data, &inventory); err != nil {
		t.Fatalf("%q: %v", data, err)
	}
	if len(inventory.Cameras) != 1 || len(inventory.Microphones) != 0 {
		t.Fatalf("%d cameras and %d microphones, want one camera:\n%s", len(inventory.Cameras), len(inventory.Microphones), data)
	}
	camera := inventory.Cameras[0]
	if camera.Device != "/dev/video0" || camera.Name != "vivid" {
		t.Errorf("the camera is %q, called %q", camera.Device, camera.Name)
	}
	wanted := func(m capture.Mode) bool {
		return m.Format == "YUYV" && m.Width == width && m.Height == height && slices.Contains(m.FPS, 25)
	}
	if !slices.ContainsFunc(camera.Modes, wanted) {
		t.Errorf("no mode YUYV 640x480 with 25 pictures a second:\n%s", data)
	}
}

func checkWatched(t *testing.T, w report.Watched) {
	t.Logf("%+v: %.1f pictures a second", w, float64(w.Pictures-1)/w.Seconds)
	if w.Lost != 0 || w.Keyframes == 0 || w.Pictures == 0 {
		t.Errorf("received %+v, want pictures, a keyframe among them, and nothing lost", w)
	}
	if w.Seconds < 1 || w.Seconds > 30 {
		t.Errorf("%d pictures last %.1f s by their timestamps", w.Pictures, w.Seconds)
	}
}

// checkRecording decodes with FFmpeg, strictly: a single broken picture is a failure.
func checkRecording(t *testing.T, file string, pictures int) {
	var complaints strings.Builder
	decode := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-xerror", "-err_detect", "explode",
		"-f", "h264", "-i", file, "-f", "rawvideo", "-pix_fmt", "gray", "-fps_mode", "passthrough", "-")
	decode.Stderr = &complaints
	luma, err := decode.Output()
	if err != nil || complaints.Len() > 0 {
		t.Fatalf("ffmpeg: %v: %s", err, complaints.String())
	}
	const size = width * height
	if len(luma)%size != 0 || len(luma)/size < pictures || pictures == 0 {
		t.Fatalf("%d bytes decoded, want at least %d pictures of %dx%d", len(luma), pictures, width, height)
	}
	changed := false
	for i := 0; i < len(luma); i += size {
		picture := luma[i : i+size]
		if dark, light := slices.Min(picture), slices.Max(picture); light-dark < 100 {
			t.Errorf("picture %d is nearly uniform: luma %d to %d", i/size, dark, light)
		}
		changed = changed || !slices.Equal(picture, luma[:size])
	}
	if !changed {
		t.Error("all pictures are the same")
	}
}

// checkFormats holds the formats against the first: the camera shows a bar that moves and a clock, beside bars of colour.
func checkFormats(t *testing.T, formats []report.Format) {
	var names []string
	for _, f := range formats {
		t.Logf("%+v", f)
		names = append(names, f.Name)
		first := formats[0]
		if f.Pictures != 5 || math.Abs(f.Y-first.Y) > 4 || math.Abs(f.U-first.U) > 4 || math.Abs(f.V-first.V) > 4 {
			t.Errorf("%s shows something else than %s", f.Name, first.Name)
		}
	}
	for _, want := range []string{"YUYV", "UYVY", "YU12", "NV12", "NV21"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s was not looked at", want)
		}
	}
}

func checkControls(t *testing.T, told report.Controls) {
	var source struct{ Controls []sourceinfo.Control }
	if err := json.Unmarshal(told.Listed, &source); err != nil {
		t.Fatalf("%q: %v", told.Listed, err)
	}
	named := make(map[string]sourceinfo.Control)
	for _, c := range source.Controls {
		named[c.Name] = c
	}
	brightness := named["brightness"]
	if brightness.Kind != sourceinfo.Integer || brightness.Max == nil || *brightness.Max != 255 || brightness.Value == nil || *brightness.Value != 128 {
		t.Errorf("brightness is listed as %+v", brightness)
	}
	if menu := named["test-pattern"]; menu.Kind != sourceinfo.Menu || len(menu.Items) < 5 {
		t.Errorf("the test pattern is listed as %+v", menu)
	}
	if gain := named["gain"]; !gain.Inactive && !gain.ReadOnly {
		t.Logf("gain is not switched off by the automatism: %+v", gain)
	}
	if len(told.Refused) != 2 || !strings.Contains(told.Refused[0], "0 to 255") || !strings.Contains(told.Refused[1], "there-is-none") {
		t.Errorf("refused with %q", told.Refused)
	}
	t.Logf("the driver says %v, and replugged %v", told.Set, told.Replugged)
	for name, want := range map[string]int64{"Brightness": 200, "Horizontal Flip": 1, "Gain": 17, "Gain, Automatic": 0} {
		if told.Set[name] != want || told.Replugged[name] != want {
			t.Errorf("%s is %d, and replugged %d, want %d", name, told.Set[name], told.Replugged[name], want)
		}
	}
}

func checkBusy(t *testing.T, words string) {
	t.Log(words)
	for _, want := range []string{"/dev/video0", "busy", "porthole (pid "} {
		if !strings.Contains(words, want) {
			t.Errorf("a second Porthole said %q, which does not mention %q", words, want)
		}
	}
}

func checkFaults(t *testing.T, faults []report.Fault) {
	if len(faults) != 4 {
		t.Errorf("%d faults were survived, want 4", len(faults))
	}
	for _, f := range faults {
		t.Logf("%s: %+v", f.Name, f.After)
		if f.After.Pictures == 0 {
			t.Errorf("%s: no pictures afterwards", f.Name)
		}
	}
}

// checkOnDemand takes what an emulated processor needs, the camera's start among it, for no measure.
func checkOnDemand(t *testing.T, told report.Report) {
	if len(told.OnDemand) != 2 || told.Freed.Keyframes == 0 {
		t.Errorf("watched %d times on demand, want 2; after it was in use: %+v", len(told.OnDemand), told.Freed)
	}
	for _, o := range told.OnDemand {
		t.Logf("first picture after %d ms", o.Milliseconds)
		if o.Watched.Keyframes == 0 {
			t.Errorf("no keyframe: %+v", o.Watched)
		}
	}
}

func checkReplug(t *testing.T, w report.Watched) {
	t.Logf("%+v", w)
	if w.Pictures == 0 || w.Keyframes == 0 {
		t.Errorf("received %+v, want pictures, a keyframe among them", w)
	}
}
