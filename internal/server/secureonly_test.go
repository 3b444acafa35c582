package server

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Who types the address of an HTTPS port without https:// comes to the page all the same; a token that was sent in plain text is
// not sent on.
func TestPlainHTTPOnTheSecurePort(t *testing.T) {
	pages := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.Path) }))
	pages.Listener = secureOnly{pages.Listener}
	pages.StartTLS()
	defer pages.Close()

	for _, tt := range []struct {
		name, request string
		status        int // 0: the connection ends
		location      string
	}{
		{"page", "GET /watch/webcam?x=1 HTTP/1.1\r\nHost: cam.example:8443\r\n\r\n", 308, "https://cam.example:8443/watch/webcam?x=1"},
		{"head", "HEAD / HTTP/1.0\r\nHost: cam.example\r\n\r\n", 308, "https://cam.example/"},
		{"post", "POST /whip/a HTTP/1.1\r\nHost: cam.example\r\nAuthorization: Bearer x\r\nContent-Length: 0\r\n\r\n", 400, ""},
		{"no host", "GET / HTTP/1.0\r\n\r\n", 0, ""},
		{"another protocol", "HELO cam.example\r\n\r\n", 0, ""},
		{"too long", "GET /" + strings.Repeat("x", 9<<10) + " HTTP/1.1\r\nHost: cam.example\r\n\r\n", 0, ""},
		{"no method", "get / HTTP/1.1\r\nHost: cam.example\r\n\r\n", 0, ""},
	} {
		conn, err := net.DialTimeout("tcp", pages.Listener.Addr().String(), 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(conn, tt.request)
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if tt.status == 0 && err == nil || tt.status != 0 && (err != nil || answer.StatusCode != tt.status || answer.Header.Get("Location") != tt.location) {
			t.Errorf("%s: %+v, %v, want %d and %q", tt.name, answer, err, tt.status, tt.location)
		}
		if err == nil {
			answer.Body.Close()
		}
		conn.Close()
	}

	answer, err := pages.Client().Get(pages.URL + "/secure")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, _ := io.ReadAll(answer.Body); string(body) != "/secure" {
		t.Errorf("over TLS it says %q", body)
	}
}
