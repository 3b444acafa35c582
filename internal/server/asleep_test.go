//nolint:bodyclose // get has them closed at the end of the test
package server

import (
	"context"
	"encoding/json"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"porthole/capture"
	"porthole/internal/broadcast"
	"porthole/internal/events"
)

// running is a server with sources, for as long as a test lasts.
type running struct {
	*Server
	t   *testing.T
	url string
}

// parse fills in the spec of a source that is drawn. Without cgo there are none, as the reason says, and nothing to test.
func parse(t *testing.T, source *Source) {
	t.Helper()
	spec, err := capture.ParseSpec(source.URI)
	if err != nil {
		t.Fatal(err)
	}
	if err := capture.Check(spec); err != nil {
		t.Skip(err)
	}
	source.Spec = spec
}

// run serves cfg, whose sources have URIs only.
func run(t *testing.T, cfg Config) running {
	t.Helper()
	for i := range cfg.Sources {
		parse(t, &cfg.Sources[i])
	}
	ctx, cancel := context.WithCancel(t.Context())
	s, err := New(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return running{s, t, "http://" + s.Addr().String()}
}

// get returns the response, whose body is closed at the end of the test.
func (r running) get(path string) *http.Response {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.url+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

// await waits until a stream is in a state.
func (r running) await(name string, state broadcast.State) {
	r.t.Helper()
	changes := r.core.Broadcaster.Events().Listen(0, events.Changes)
	defer changes.Close()
	deadline := time.After(20 * time.Second)
	for {
		info, _ := r.core.Broadcaster.Stream(name)
		if info.State == state && (state != broadcast.StateStandby || strings.Contains(info.SourceState, "off while nobody watches")) {
			return
		}
		select {
		case <-changes.Ready():
		case <-deadline:
			r.t.Fatalf("%s is not %v within 20 s: %+v", name, state, info)
		}
	}
}

// A camera that nobody watches is off. A picture of it wakes it, as a viewer does; who looks at what it showed last does not.
func TestPictureOfASourceThatIsOff(t *testing.T) {
	cfg := loopback()
	cfg.Sources = []Source{{Name: "cam", URI: "pattern:?size=320x180&ondemand=0s"}, {Name: "always", URI: "pattern:?size=160x96&ondemand=off"}}
	r := run(t, cfg)
	r.await("cam", broadcast.StateStandby)
	r.await("always", broadcast.StateLive)

	if got := r.get("/snapshot/cam.jpg?wake=0").StatusCode; got != http.StatusServiceUnavailable {
		t.Errorf("before it has shown anything: status %d, want 503", got)
	}
	if got := r.get("/snapshot/cam.jpg?wake=perhaps").StatusCode; got != http.StatusBadRequest {
		t.Errorf("wake=perhaps: status %d, want 400", got)
	}
	before := time.Now()
	response := r.get("/snapshot/cam.jpg?width=160")
	picture, err := jpeg.DecodeConfig(response.Body)
	if response.StatusCode != http.StatusOK || err != nil || picture.Width != 160 {
		t.Fatalf("status %d, %+v, %v", response.StatusCode, picture, err)
	}
	t.Logf("a picture of a source that was off, after %v", time.Since(before))

	r.await("cam", broadcast.StateStandby)
	response = r.get("/snapshot/cam.jpg?wake=0")
	shown, err := http.ParseTime(response.Header.Get("Last-Modified"))
	if response.StatusCode != http.StatusOK || err != nil || shown.Before(before.Add(-2*time.Second)) || shown.After(time.Now()) {
		t.Errorf("what it showed last: status %d, at %v (%v)", response.StatusCode, shown, err)
	}
	if picture, err := jpeg.DecodeConfig(response.Body); err != nil || picture.Width != 320 {
		t.Errorf("what it showed last: %+v, %v", picture, err)
	}
	if info, _ := r.core.Broadcaster.Stream("cam"); info.State != broadcast.StateStandby || info.Readers != 0 {
		t.Errorf("after looking at that: %+v", info)
	}
	var list struct {
		Streams []struct {
			Name        string
			Snapshot    bool
			LastPicture time.Time
		}
	}
	body, err := io.ReadAll(r.get("/api/streams").Body)
	if err == nil {
		err = json.Unmarshal(body, &list)
	}
	if err != nil || len(list.Streams) != 2 {
		t.Fatalf("%s, %v", body, err)
	}
	always, cam := list.Streams[0], list.Streams[1]
	if !always.Snapshot || !always.LastPicture.IsZero() || !cam.Snapshot || cam.LastPicture.Truncate(time.Second).Unix() != shown.Unix() {
		t.Errorf("the list says %s; the last picture is of %v", body, shown)
	}
}

// What is masked is seen by nobody: not in a picture that is taken now, and not in the one that was kept.
func TestMaskedPictures(t *testing.T) {
	cfg := loopback()
	cfg.Sources = []Source{{Name: "cam", URI: "pattern:?size=320x180&rotate=90&mask=0,0,100%,50%&ondemand=0s"}}
	r := run(t, cfg)
	for _, query := range []string{"", "?wake=0"} {
		r.await("cam", broadcast.StateStandby)
		picture, err := jpeg.Decode(r.get("/snapshot/cam.jpg" + query).Body)
		if err != nil {
			t.Fatal(err)
		}
		if size := picture.Bounds().Size(); size != image.Pt(180, 320) {
			t.Errorf("the picture is %v, want 180x320", size)
		}
		brightest := func(from, to int) (most uint32) {
			for y := from; y < to; y++ {
				for x := range picture.Bounds().Dx() {
					luma, _, _, _ := color.GrayModel.Convert(picture.At(x, y)).RGBA()
					most = max(most, luma>>8)
				}
			}
			return most
		}
		half := picture.Bounds().Dy() / 2
		if masked, rest := brightest(0, half-8), brightest(half+8, 2*half); masked > 8 || rest < 200 {
			t.Errorf("the brightest pixel of what is masked has %d, of the rest %d", masked, rest)
		}
	}
}

// Describing a page for others, which anybody's program does, wakes no camera.
func TestOEmbedWakesNobody(t *testing.T) {
	cfg := loopback()
	cfg.Sources = []Source{{Name: "cam", URI: "pattern:?size=320x180&ondemand=1m"}}
	r := run(t, cfg)
	r.await("cam", broadcast.StateStandby)
	if got := r.get("/oembed?url=" + r.url + "/watch/cam").StatusCode; got != http.StatusOK {
		t.Errorf("status %d, want 200", got)
	}
	if info, _ := r.core.Broadcaster.Stream("cam"); info.State != broadcast.StateStandby {
		t.Errorf("%+v", info)
	}
}

// The sound of a source is muted and made louder through the API, where its level stands.
func TestSoundOfASource(t *testing.T) {
	cfg := loopback()
	cfg.Sources = []Source{{Name: "cam", URI: "pattern:?size=160x96&ondemand=off"}}
	r := run(t, cfg)
	r.await("cam", broadcast.StateLive)
	type sound struct {
		Muted bool
		Gain  int
		Level *float64
	}
	await := func(what string, ok func(sound) bool) {
		t.Helper()
		deadline := time.Now().Add(20 * time.Second)
		for {
			var list struct{ Sources []struct{ Sound sound } }
			body, err := io.ReadAll(r.get("/api/sources").Body)
			if err == nil {
				err = json.Unmarshal(body, &list)
			}
			switch {
			case err != nil || len(list.Sources) != 1:
				t.Fatalf("%s, %v", body, err)
			case ok(list.Sources[0].Sound):
				return
			case time.Now().After(deadline):
				t.Fatalf("not %s within 20 s: %s", what, body)
			}
			time.Sleep(50 * time.Millisecond) // nobody tells of levels
		}
	}
	change := func(body string, want int) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, r.url+"/api/sources/cam", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/merge-patch+json")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s: status %d, want %d", body, response.StatusCode, want)
		}
	}
	await("heard", func(s sound) bool { return s.Level != nil && *s.Level > -40 })
	change(`{"controls":{"mic-mute":true,"mic-gain":-20}}`, http.StatusOK)
	await("muted", func(s sound) bool { return s.Muted && s.Level == nil && s.Gain == -20 })
	change(`{"controls":{"mic-mute":false,"mic-gain":99}}`, http.StatusUnprocessableEntity)
	await("muted as before", func(s sound) bool { return s.Muted })
	change(`{"controls":{"mic-mute":false}}`, http.StatusOK)
	await("heard more quietly", func(s sound) bool { return s.Level != nil && *s.Level < -40+15 })
}
