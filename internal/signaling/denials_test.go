package signaling_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"porthole/internal/auth"
	"porthole/internal/negotiate"
	"porthole/internal/sessions"
	"porthole/internal/signaling"
)

// Who comes without the right token leaves a line that says which stream, from where
// and why, and nothing that was guessed.
func TestDenialsAreLogged(t *testing.T) {
	var lines bytes.Buffer
	f := newFixture(t, negotiate.Publish, func(c *signaling.Config, _ *sessions.Config) {
		c.Log = slog.New(slog.NewJSONHandler(&lines, nil))
		c.Auth = auth.New(auth.Config{PublishToken: "right-secret", ViewToken: "view-secret"})
	})
	for _, authorization := range []string{"", "Bearer wrong-secret", "Bearer view-secret"} {
		f.post("Authorization", authorization)
	}
	got := strings.Split(strings.TrimSpace(lines.String()), "\n")
	reasons := []error{auth.ErrNoToken, auth.ErrBadToken, auth.ErrForbidden}
	if len(got) != len(reasons) {
		t.Fatalf("%d lines:\n%s", len(got), lines.String())
	}
	for i, reason := range reasons {
		var line struct{ Level, Protocol, Method, Stream, Client, Reason string }
		if err := json.Unmarshal([]byte(got[i]), &line); err != nil {
			t.Fatal(err)
		}
		want := line
		want.Level, want.Protocol, want.Method = "INFO", "whip", "POST"
		want.Stream, want.Client, want.Reason = "cam", "127.0.0.1", reason.Error()
		if line != want {
			t.Errorf("%+v, want %+v", line, want)
		}
	}
	if strings.Contains(lines.String(), "secret") {
		t.Errorf("the log holds a token:\n%s", lines.String())
	}
}

// Whoever goes on trying does not fill the log, from one address or from many.
func TestDenialsAreFewInTheLog(t *testing.T) {
	for name, tt := range map[string]struct {
		addresses int
		most      int
	}{
		"one address":    {1, 3 + 1},
		"many addresses": {200, 20 + 2},
	} {
		t.Run(name, func(t *testing.T) {
			var lines bytes.Buffer
			f := newFixture(t, negotiate.Watch, func(c *signaling.Config, _ *sessions.Config) {
				c.Log = slog.New(slog.NewJSONHandler(&lines, nil))
				c.Auth = auth.New(auth.Config{ViewToken: "right"})
				c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
			})
			for i := range 200 {
				address := fmt.Sprintf("192.0.2.%d", i%tt.addresses+1)
				if r := f.do("DELETE", "/whep/cam/x", "", "Authorization", "Bearer no", "X-Forwarded-For", address); r.StatusCode != 401 {
					t.Fatalf("status %d", r.StatusCode)
				}
			}
			if n := strings.Count(lines.String(), "\n"); n < 3 || n > tt.most {
				t.Errorf("%d lines, want 3 to %d", n, tt.most)
			}
		})
	}
}
