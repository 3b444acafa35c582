package server

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestProxyThatIsNotNamedIsToldOnce(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for name, test := range map[string]struct {
		remote, forwarded string
		told              int
	}{
		"on this machine":     {"127.0.0.1:4000", "203.0.113.5", 1},
		"over IPv6":           {"[::1]:4000", "203.0.113.5", 1},
		"in the network":      {"192.168.1.2:4000", "203.0.113.5", 1},
		"named":               {"10.1.2.3:4000", "203.0.113.5", 0},
		"no proxy":            {"127.0.0.1:4000", "", 0},
		"a stranger's header": {"203.0.113.9:4000", "203.0.113.5", 0},
	} {
		t.Run(name, func(t *testing.T) {
			var log strings.Builder
			served := 0
			h := hintAtProxy(slog.New(slog.NewTextHandler(&log, nil)), trusted)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served++ }))
			for range 3 {
				r := httptest.NewRequest(http.MethodGet, "/", nil)
				r.RemoteAddr = test.remote
				if test.forwarded != "" {
					r.Header.Set("X-Forwarded-For", test.forwarded)
				}
				h.ServeHTTP(httptest.NewRecorder(), r)
			}
			if got := strings.Count(log.String(), "--trusted-proxy does not name"); got != test.told || served != 3 {
				t.Errorf("told %d times, %d requests served, want %d and 3: %s", got, served, test.told, &log)
			}
		})
	}
}
