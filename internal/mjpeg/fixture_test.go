package mjpeg_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"

	"porthole/internal/auth"
	"porthole/internal/broadcast"
	"porthole/internal/mjpeg"
	"porthole/internal/snapshot"
)

const patience = 10 * time.Second

// camera is a source on this machine, called "cam".
type camera struct {
	every         time.Duration
	width, height int
	jpeg          []byte // what it sends; nil: raw pictures

	mu    sync.Mutex
	looks int // at its pictures
	raws  int // of them, with the raw picture
	off   bool
}

// look waits for the next picture.
func (c *camera) look(ctx context.Context, _ string, raw bool) (mjpeg.Raw, error) {
	now := time.Now()
	timer := time.NewTimer(now.Truncate(c.every).Add(c.every).Sub(now))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return mjpeg.Raw{}, ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.off {
		return mjpeg.Raw{}, errors.New("the camera is off")
	}
	c.looks++
	p := mjpeg.Raw{JPEG: c.jpeg, At: time.Now()}
	if raw || c.jpeg == nil {
		c.raws++
		p.Image = image.NewYCbCr(image.Rect(0, 0, c.width, c.height), image.YCbCrSubsampleRatio420)
	}
	return p, nil
}

func (c *camera) seen() (looks, raws int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.looks, c.raws
}

// snapshots makes pictures of streams that come from elsewhere.
type snapshots struct {
	picture func() (snapshot.Picture, error)
}

func (s snapshots) Local(info broadcast.StreamInfo) (string, bool) {
	return info.Name, info.Source == "camera"
}
func (s snapshots) Possible(info broadcast.StreamInfo) bool {
	return info.Source == "camera" || s.picture != nil
}
func (s snapshots) Take(context.Context, string, int) (snapshot.Picture, error) { return s.picture() }

// place is a viewer's.
type place struct {
	done   chan struct{}
	reason error
	closed chan error
}

func (p *place) Done() <-chan struct{} { return p.done }
func (p *place) Err() error            { return p.reason }
func (p *place) Close(reason error)    { p.closed <- reason }

// world is a hub with streams: "cam" of a camera, "guest" of somebody else.
type world struct {
	camera    *camera
	snapshots snapshots
	handler   mjpeg.HandlerConfig
	registry  *prometheus.Registry

	mu     sync.Mutex
	live   bool
	places []*place
}

func newWorld() *world {
	return &world{camera: &camera{every: time.Second / 30, width: 320, height: 180}, registry: prometheus.NewRegistry(), live: true}
}

func (w *world) hub(t testing.TB) *mjpeg.Hub {
	t.Helper()
	h, err := mjpeg.New(mjpeg.Config{
		Stream: func(name string) (broadcast.StreamInfo, bool) {
			source := map[string]string{"cam": "camera", "guest": "whip"}[name]
			w.mu.Lock()
			defer w.mu.Unlock()
			return broadcast.StreamInfo{Name: name, Live: w.live, Source: source, SourceState: "camera unplugged"}, source != ""
		},
		Snapshots: w.snapshots, Look: w.camera.look, Registerer: w.registry,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

func (w *world) join(stream string) (mjpeg.Viewer, error) {
	p := &place{done: make(chan struct{}), closed: make(chan error, 1)}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.places = append(w.places, p)
	return p, nil
}

// made is how many pictures were made, in a way.
func (w *world) made(t testing.TB, how string) int {
	t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue() == how {
				return int(m.GetCounter().GetValue())
			}
		}
	}
	return 0
}

// serve serves the hub over HTTP.
func (w *world) serve(t testing.TB) (url string, handler *mjpeg.Handler) {
	t.Helper()
	w.handler.Hub = w.hub(t)
	if w.handler.Auth == nil {
		w.handler.Auth = auth.New(auth.Config{})
	}
	if w.handler.Join == nil {
		w.handler.Join = w.join
	}
	handler = mjpeg.NewHandler(w.handler)
	router := chi.NewRouter()
	handler.Routes(router)
	server := httptest.NewUnstartedServer(router)
	server.Config.ConnContext = mjpeg.Context
	server.Start()
	t.Cleanup(func() {
		handler.Close()
		server.Close()
	})
	return server.URL, handler
}

// watching is a client.
type watching struct {
	*http.Response
	parts *multipart.Reader
}

func watch(t testing.TB, url string) *watching {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	if response.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(response.Body)
		t.Fatalf("%s: %s: %s", url, response.Status, body)
	}
	kind, parameters, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/x-mixed-replace" {
		t.Fatalf("%q: %v", response.Header.Get("Content-Type"), err)
	}
	return &watching{response, multipart.NewReader(bufio.NewReader(response.Body), parameters["boundary"])}
}

// next reads a picture, and says when it was captured.
func (w *watching) next() (file []byte, at time.Time, err error) {
	part, err := w.parts.NextPart()
	if err != nil {
		return nil, time.Time{}, err
	}
	if file, err = io.ReadAll(part); err != nil {
		return nil, time.Time{}, err
	}
	if length := part.Header.Get("Content-Length"); length != strconv.Itoa(len(file)) || part.Header.Get("Content-Type") != "image/jpeg" {
		return nil, time.Time{}, fmt.Errorf("%d bytes, told as %v", len(file), part.Header)
	}
	seconds, micros, _ := strings.Cut(part.Header.Get("X-Timestamp"), ".")
	sec, err1 := strconv.ParseInt(seconds, 10, 64)
	usec, err2 := strconv.ParseInt(micros, 10, 64)
	return file, time.Unix(sec, usec*1000), errors.Join(err1, err2)
}

// size decodes a picture.
func size(t testing.TB, file []byte) image.Point {
	t.Helper()
	img, err := jpeg.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return img.Bounds().Size()
}
