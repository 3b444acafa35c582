package v4l2_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"porthole/capture/capturetest"
	"porthole/capture/v4l2"
	"porthole/capture/v4l2/v4l2test"
	"porthole/capture/v4l2/videodev"
	"porthole/internal/sourceinfo"
)

const (
	brightness   = 0x00980900
	autoWhite    = brightness + 12
	white        = brightness + 26
	powerLine    = brightness + 24
	autoExposure = 0x009a0901
	exposure     = 0x009a0902
	zoom         = 0x009a090d
	led          = 0x0a046d05 // of the maker's own
	sensitivity  = 0x009a0917
	privacy      = 0x009a0910
)

// webcam has the controls that webcams have.
func webcam() *v4l2test.Camera {
	c := h264(spsConstrained)
	menu := func(items ...videodev.Item) []videodev.Item { return items }
	c.Controls = append(c.Controls,
		videodev.Control{ID: brightness, Kind: videodev.Integer, Title: "Brightness", Max: 255, Step: 1, Default: 128, Value: 100},
		videodev.Control{ID: autoWhite, Kind: videodev.Boolean, Title: "White Balance, Automatic", Max: 1, Step: 1, Default: 1, Value: 1},
		videodev.Control{ID: powerLine, Kind: videodev.Menu, Title: "Power Line Frequency", Max: 2, Default: 2, Value: 2, Items: menu(
			videodev.Item{Index: 0, Title: "Disabled"}, videodev.Item{Index: 1, Title: "50 Hz"}, videodev.Item{Index: 2, Title: "60 Hz"})},
		videodev.Control{ID: white, Kind: videodev.Integer, Title: "White Balance Temperature", Min: 2000, Max: 6500, Step: 1, Default: 4000, Value: 4000, Inactive: true},
		videodev.Control{ID: autoExposure, Kind: videodev.Menu, Title: "Auto Exposure", Max: 3, Default: 3, Value: 3, Items: menu(
			videodev.Item{Index: 1, Title: "Manual Mode"}, videodev.Item{Index: 3, Title: "Aperture Priority Mode"})},
		videodev.Control{ID: exposure, Kind: videodev.Integer, Title: "Exposure Time, Absolute", Min: 3, Max: 2047, Step: 1, Default: 250, Value: 250, Inactive: true},
		videodev.Control{ID: zoom, Kind: videodev.Integer, Title: "Zoom, Absolute", Min: 100, Max: 500, Step: 10, Default: 100, Value: 100},
		videodev.Control{ID: sensitivity, Kind: videodev.IntegerMenu, Title: "ISO Sensitivity", Max: 1, Items: menu(
			videodev.Item{Index: 0, Value: 100}, videodev.Item{Index: 1, Value: 200})},
		videodev.Control{ID: privacy, Kind: videodev.Boolean, Title: "Privacy", Max: 1, ReadOnly: true},
		videodev.Control{ID: led, Kind: videodev.Menu, Title: "LED1 Mode", Max: 1, Default: 1, Value: 1, Items: menu(
			videodev.Item{Index: 0, Title: "Off"}, videodev.Item{Index: 1, Title: "On"})},
	)
	return c
}

// watched is the camera of a host as a source has it, with what it may log.
func watched(t *testing.T, c *v4l2test.Camera, query string) (*v4l2test.Host, *v4l2.Camera, *capturetest.Lines) {
	t.Helper()
	host := v4l2test.NewHost(t)
	host.Plug("video0", c)
	log, lines := capturetest.NewLog()
	camera := host.New(capturetest.Spec(t, "camera:"+string(host.Dir)+"/video0?mic=off"+query), log)
	t.Cleanup(camera.Close)
	return host, camera, lines
}

func change(t *testing.T, c *v4l2.Camera, text string) error {
	t.Helper()
	var changes map[string]sourceinfo.Value
	if err := json.Unmarshal([]byte(text), &changes); err != nil {
		t.Fatal(err)
	}
	return c.Change(t.Context(), changes)
}

func TestControlsAreListed(t *testing.T) {
	_, camera, _ := watched(t, webcam(), "&zoom=200")
	list, err := camera.Controls(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range list {
		names = append(names, c.Name)
	}
	want := []string{"brightness", "auto-white-balance", "power-line", "white-balance", "auto-exposure", "exposure", "zoom", "iso", "privacy", "led1-mode"}
	if !slices.Equal(names, want) {
		t.Errorf("got %v, want %v: without the encoder's", names, want)
	}
	text, _ := json.Marshal(list)
	for _, want := range []string{
		`{"name":"brightness","title":"Brightness","kind":"integer","min":0,"max":255,"step":1,"default":128,"value":100}`,
		`{"name":"auto-white-balance","title":"White Balance, Automatic","kind":"boolean","default":1,"value":1}`,
		`"items":[{"value":0,"name":"disabled","title":"Disabled"},{"value":1,"name":"50-hz","title":"50 Hz"},`,
		`"title":"Exposure Time, Absolute","kind":"integer","min":3,"max":2047,"step":1,"default":250,"value":250,"inactive":true}`,
		`{"value":1,"name":"200","title":"200"}`, `"kept":"200"`, `"readOnly":true`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("there is no %s in %s", want, text)
		}
	}
}

func TestControlsAreSetAndKept(t *testing.T) {
	c := webcam()
	host, camera, _ := watched(t, c, "&ondemand=off&power-line=50-hz&control.LED1_Mode=off")
	open := func() {
		t.Helper()
		in, err := camera.Open()
		if err != nil {
			t.Fatal(err)
		}
		closed(t, in)
	}
	check := func(when string, want map[uint32]int64) {
		t.Helper()
		for id, value := range want {
			if got := c.Value(id); got != value {
				t.Errorf("%s: control %#x is %d, want %d", when, id, got, value)
			}
		}
	}
	open()
	check("as the URI says", map[uint32]int64{powerLine: 1, led: 0, zoom: 100, autoExposure: 3})

	// What is set by hand must not be set by the camera any more.
	if err := change(t, camera, `{"exposure":157,"white-balance":5000,"zoom":"250","iso":200,"led1-mode":null}`); err != nil {
		t.Fatal(err)
	}
	manual := map[uint32]int64{exposure: 157, autoExposure: 1, white: 5000, autoWhite: 0, zoom: 250, sensitivity: 1, led: 1}
	check("changed", manual)
	if kept := string(camera.Kept()); kept != "exposure=157&iso=200&power-line=50-hz&white-balance=5000&zoom=250" {
		t.Errorf("kept %s", kept)
	}
	sets := c.Sets()
	if i, j := slices.Index(sets, v4l2test.Set{ID: autoExposure, Value: 1}), slices.Index(sets, v4l2test.Set{ID: exposure, Value: 157}); i > j {
		t.Error("the exposure was set before it could be")
	}

	host.Unplug("video0")
	if err := change(t, camera, `{"zoom":300}`); !errors.Is(err, sourceinfo.ErrAway) {
		t.Errorf("of a camera that is not there: %v, want ErrAway", err)
	}
	host.Plug("video0", c)
	check("plugged in again", map[uint32]int64{exposure: 250, zoom: 100})
	open()
	manual[powerLine] = 1
	check("opened again", manual)

	// A default that the camera would not take now, because it sets the exposure itself.
	before := len(c.Sets())
	if err := change(t, camera, `{"exposure":null}`); err != nil || len(c.Sets()) != before {
		t.Errorf("%v; set %v", err, c.Sets()[before:])
	}
	if err := change(t, camera, `{"exposure":157}`); err != nil {
		t.Fatal(err)
	}

	// And the other way round.
	if err := change(t, camera, `{"auto-exposure":"aperture_priority_mode","auto-white-balance":true}`); err != nil {
		t.Fatal(err)
	}
	host.Unplug("video0")
	host.Plug("video0", c)
	open()
	check("automatic again", map[uint32]int64{autoExposure: 3, autoWhite: 1, exposure: 250, zoom: 250})
}

func TestControlsThatCannotBeSet(t *testing.T) {
	c := webcam()
	_, camera, _ := watched(t, c, "")
	for text, mentions := range map[string][]string{
		`{"zoom":501,"brightness":1}`:        {"zoom=501", "100 to 500 in steps of 10"},
		`{"colour":1,"zoom":99,"zoom2":"x"}`: {`"colour"`, `"zoom2"`, "zoom=99", "it has brightness, "},
		`{"power-line":"70-hz"}`:             {"power-line=70-hz", "disabled, 50-hz, 60-hz"},
		`{"power-line":3}`:                   {"power-line=3"},
		`{"auto-exposure":2}`:                {"auto-exposure=2", "manual-mode"},
		`{"auto-white-balance":2}`:           {"on, off"},
		`{"privacy":true}`:                   {"privacy cannot be set"},
		`{"iso":1}`:                          {"100, 200"},
	} {
		err := change(t, camera, text)
		if !errors.Is(err, sourceinfo.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", text, err)
			continue
		}
		for _, m := range mentions {
			if !strings.Contains(err.Error(), m) {
				t.Errorf("%s: %v, which does not mention %s", text, err, m)
			}
		}
	}
	if len(c.Sets()) > 0 || camera.Kept() != "" {
		t.Errorf("set %+v all the same", c.Sets())
	}
	host := v4l2test.NewHost(t)
	host.Plug("video0", c)
	if err := host.Check(capturetest.Spec(t, "camera:?zoom=50")); err == nil || !strings.Contains(err.Error(), "100 to 500") {
		t.Errorf("at the start: %v, want what is wrong with the zoom", err)
	}
}

// What the URI wants and this camera does not have is told, and pictures come.
func TestControlsOfAnotherCamera(t *testing.T) {
	c := webcam()
	_, camera, lines := watched(t, c, "&focus=10&zoom=200")
	in, err := camera.Open()
	if err != nil {
		t.Fatal(err)
	}
	closed(t, in)
	if lines.Count("no control") != 1 || c.Value(zoom) != 200 {
		t.Error("the missing control is not told, or the other one was not set")
	}
}

// A driver that hangs holds up nobody for ever.
func TestCameraThatDoesNotAnswer(t *testing.T) {
	c := webcam()
	hang := make(chan struct{})
	c.Hang.Store(&hang)
	_, camera, _ := watched(t, c, "")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for range 2 { // the second waits for its turn
		if _, err := camera.Controls(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the end of its time", err)
		}
	}
	c.Hang.Store(nil)
	close(hang)
	if _, err := camera.Controls(t.Context()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
