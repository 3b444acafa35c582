package mjpeg_test

import (
	"errors"
	"fmt"
	"image"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"porthole/internal/auth"
	"porthole/internal/mjpeg"
	"porthole/internal/refusal"
	"porthole/internal/sse"
)

// However many watch, each picture is encoded once, and all get it.
func TestManyReadersOneEncode(t *testing.T) {
	w := newWorld()
	url, _ := w.serve(t)
	const readers, each = 100, 20
	var reading sync.WaitGroup
	for range readers {
		client := watch(t, url+"/mjpeg/cam?width=160&fps=30")
		reading.Go(func() {
			for i := range each {
				file, at, err := client.next()
				if err != nil || len(file) == 0 || time.Since(at) > patience {
					t.Errorf("picture %d: %d bytes of %v, %v", i, len(file), at, err)
					return
				}
			}
		})
	}
	began := time.Now()
	reading.Wait()
	made, most := w.made(t, "encoded"), 0
	w.mu.Lock()
	if len(w.places) != readers {
		t.Errorf("%d viewers' places were taken by %d readers", len(w.places), readers)
	}
	w.mu.Unlock()
	// From the first reader on at 30 a second, whatever the machine does meanwhile.
	if most, _ = w.camera.seen(); made > most || made < each {
		t.Errorf("%d pictures were encoded of %d that came in %v, for %d readers of %d each", made, most, time.Since(began), readers, each)
	}
}

// A reader who stops and goes on sees what is now, not what it has missed; others notice nothing.
func TestSlowReadersSkip(t *testing.T) {
	w := newWorld()
	w.camera.width, w.camera.height = 1280, 720
	url, _ := w.serve(t)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.(*net.TCPConn).SetReadBuffer(32 << 10); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "GET /mjpeg/cam?fps=30 HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	other := watch(t, url+"/mjpeg/cam?fps=30")
	var last time.Time
	for began := time.Now(); time.Since(began) < 3*time.Second; {
		_, at, err := other.next()
		if err != nil {
			t.Fatal(err)
		}
		last = at
	}
	// What comes now has waited. Each picture of one colour has 12 kB or more, so 3 s of them are a megabyte.
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	waited := int64(0)
	buffer := make([]byte, 4<<10)
	text := ""
	for fresh := false; !fresh; {
		n, err := conn.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		waited += int64(n)
		text = text[max(0, len(text)-100):] + string(buffer[:n])
		if _, after, ok := strings.Cut(text, "X-Timestamp: "); ok && len(after) > 17 {
			var sec, usec int64
			if _, err := fmt.Sscanf(after[:17], "%d.%d", &sec, &usec); err != nil {
				t.Fatal(err)
			}
			fresh = time.Unix(sec, usec*1000).After(last)
			text = after
		}
	}
	if waited > 400<<10 {
		t.Errorf("%d kB waited for a client that had stopped for 3 s", waited>>10)
	}
	t.Logf("%d kB had waited", waited>>10)
}

func TestEndsSayWhy(t *testing.T) {
	gone := errors.New("the publisher has left and did not come back")
	for name, tt := range map[string]struct {
		end  func(*world, *mjpeg.Handler)
		want string
	}{
		"the stream has ended": {func(w *world, _ *mjpeg.Handler) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.places[0].reason = gone
			close(w.places[0].done)
		}, gone.Error()},
		"the server stops": {func(_ *world, h *mjpeg.Handler) { h.Close() }, "stopping"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			url, handler := w.serve(t)
			client := watch(t, url+"/mjpeg/cam")
			if _, _, err := client.next(); err != nil {
				t.Fatal(err)
			}
			tt.end(w, handler)
			pictures := 0
			for {
				file, _, err := client.next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil || size(t, file) != image.Pt(320, 180) {
					t.Fatalf("picture %d: %v", pictures, err)
				}
				pictures++
			}
			if pictures == 0 {
				t.Error("the last picture was not repeated: a browser would show a broken one")
			}
			select {
			case reason := <-w.places[0].closed:
				if !strings.Contains(reason.Error(), tt.want) {
					t.Errorf("the viewer ended because %v", reason)
				}
			case <-time.After(patience):
				t.Fatal("the viewer's place was not given back")
			}
		})
	}
}

// The reason stands behind the last delimiter.
func TestReasonIsSent(t *testing.T) {
	w := newWorld()
	url, handler := w.serve(t)
	client := watch(t, url+"/mjpeg/cam?fps=1")
	body := make(chan string, 1)
	go func() {
		all, _ := io.ReadAll(client.Body)
		body <- string(all)
	}()
	handler.Close()
	select {
	case all := <-body:
		_, end, ok := strings.Cut(all, "\r\n--porthole-picture--\r\n")
		if !ok || !strings.Contains(end, "connect again") {
			t.Errorf("%q", all[max(0, len(all)-200):])
		}
	case <-time.After(patience):
		t.Fatal("it did not end")
	}
}

func TestClientsThatLeaveGiveTheirPlaceBack(t *testing.T) {
	w := newWorld()
	url, _ := w.serve(t)
	client := watch(t, url+"/mjpeg/cam")
	if _, _, err := client.next(); err != nil {
		t.Fatal(err)
	}
	_ = client.Body.Close()
	select {
	case <-w.places[0].closed:
	case <-time.After(patience):
		t.Fatal("the viewer's place was not given back")
	}
}

func TestRefusals(t *testing.T) {
	full := refusal.Full.New("all viewer places are taken")
	for name, tt := range map[string]struct {
		path   string
		change func(*world)
		status int
		says   string
	}{
		"no stream":         {"/mjpeg/nobody", nil, 404, "no stream"},
		"no pictures of it": {"/mjpeg/guest", nil, 404, "/watch/NAME"},
		"no number":         {"/mjpeg/cam?width=wide", nil, 400, "width"},
		"no pixels":         {"/mjpeg/cam?width=0", nil, 400, "width"},
		"no rate":           {"/mjpeg/cam?fps=NaN", nil, 400, "fps"},
		"a negative rate":   {"/mjpeg/cam?fps=-1", nil, 400, "fps"},
		"no token": {"/mjpeg/cam", func(w *world) {
			w.handler.Auth = auth.New(auth.Config{ViewToken: "see"})
		}, 401, "token"},
		"a wrong token": {"/mjpeg/cam?token=look", func(w *world) {
			w.handler.Auth = auth.New(auth.Config{ViewToken: "see"})
		}, 401, "token"},
		"all places taken": {"/mjpeg/cam", func(w *world) {
			w.handler.Join = func(string) (mjpeg.Viewer, error) { return nil, full }
		}, 503, "places are taken"},
		"too much to do": {"/mjpeg/cam", func(w *world) {
			w.handler.Admit = func() error { return errors.New("97 % of the processor time is in use") }
		}, 503, "97 %"},
		"too many of this client": {"/mjpeg/cam", func(w *world) {
			w.handler.Follow = func(*http.Request) (func(), error) { return nil, sse.ErrClientFull }
		}, 429, "your address"},
		"too many of all": {"/mjpeg/cam", func(w *world) {
			w.handler.Follow = func(*http.Request) (func(), error) { return nil, sse.ErrFull }
		}, 503, "as many"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			if tt.change != nil {
				tt.change(w)
			}
			url, _ := w.serve(t)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+tt.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = response.Body.Close() }()
			body, _ := io.ReadAll(response.Body)
			if response.StatusCode != tt.status || !strings.Contains(string(body), tt.says) || response.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("status %d, %v: %s", response.StatusCode, response.Header, body)
			}
			if again := response.Header.Get("Retry-After") != ""; again != (tt.status == 503 || tt.status == 429) {
				t.Errorf("status %d with Retry-After %q", tt.status, response.Header.Get("Retry-After"))
			}
		})
	}
}

func TestHeadersOfMJPEG(t *testing.T) {
	w := newWorld()
	w.handler.Auth = auth.New(auth.Config{ViewToken: "see"})
	url, _ := w.serve(t)
	client := watch(t, url+"/mjpeg/cam?token=see")
	h := client.Header
	if h.Get("Cache-Control") != "no-store" || h.Get("Cross-Origin-Resource-Policy") != "cross-origin" || h.Get("Access-Control-Allow-Origin") != "*" ||
		len(client.TransferEncoding) != 0 {
		t.Errorf("%v, transfer encoding %v", h, client.TransferEncoding)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, url+"/mjpeg/cam?token=see", nil)
	if err != nil {
		t.Fatal(err)
	}
	head, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = head.Body.Close()
	if head.StatusCode != 200 || head.Header.Get("Content-Type") != h.Get("Content-Type") {
		t.Errorf("HEAD: %s %v", head.Status, head.Header)
	}
}
