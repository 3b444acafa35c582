package signaling_test

import (
	"net/netip"
	"strconv"
	"testing"

	"porthole/internal/negotiate"
	"porthole/internal/sessions"
	"porthole/internal/signaling"
)

// HTTP-19
func TestRateLimit(t *testing.T) {
	const burst = 50
	f := newFixture(t, negotiate.Watch, func(c *signaling.Config, _ *sessions.Config) {
		c.Limiter = signaling.NewLimiter(0.01, burst)
	})
	statuses := map[int]int{}
	for range burst + 5 {
		r := f.do("DELETE", "/whep/cam/nope", "")
		statuses[r.StatusCode]++
		if r.StatusCode == 429 {
			r.problem(t)
			if after, err := strconv.Atoi(r.Header.Get("Retry-After")); err != nil || after < 1 || after > 100 {
				t.Errorf("Retry-After %q", r.Header.Get("Retry-After"))
			}
		}
	}
	if statuses[404] != burst || statuses[429] != 5 {
		t.Errorf("statuses %v", statuses)
	}
	if r := f.post(); r.StatusCode != 429 || f.count() != 0 {
		t.Errorf("POST: status %d", r.StatusCode)
	}
}

// Clients behind a trusted proxy are told apart by what the proxy adds; what they
// write themselves does not help them.
func TestRateLimitBehindProxy(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8")}
	for name, tt := range map[string]struct {
		trusted []netip.Prefix
		chains  [2]string
		same    bool // both requests count as one client's
	}{
		"two clients":                     {trusted, [2]string{"192.0.2.1", "192.0.2.2"}, false},
		"one client that pretends":        {trusted, [2]string{"1.1.1.1, 192.0.2.1", "2.2.2.2, 192.0.2.1"}, true},
		"through two proxies":             {trusted, [2]string{"192.0.2.1, 10.1.1.1", "192.0.2.2, 10.1.1.1"}, false},
		"one IPv6 network":                {trusted, [2]string{"2001:db8::1", "2001:db8::2"}, true},
		"two IPv6 networks":               {trusted, [2]string{"2001:db8::1", "2001:db8:0:1::1"}, false},
		"not an address":                  {trusted, [2]string{"nonsense", "unknown"}, true},
		"the proxy is not trusted":        {nil, [2]string{"192.0.2.1", "192.0.2.2"}, true},
		"an IPv4 address in IPv6 clothes": {trusted, [2]string{"::ffff:192.0.2.1", "192.0.2.1"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, negotiate.Watch, func(c *signaling.Config, _ *sessions.Config) {
				c.Limiter = signaling.NewLimiter(0.001, 1)
				c.TrustedProxies = tt.trusted
			})
			f.do("GET", "/whep/cam", "", "X-Forwarded-For", tt.chains[0])
			r := f.do("GET", "/whep/cam", "", "X-Forwarded-For", tt.chains[1])
			if limited := r.StatusCode == 429; limited != tt.same {
				t.Errorf("the second request: status %d", r.StatusCode)
			}
		})
	}
}

func TestNoRateLimit(t *testing.T) {
	if l := signaling.NewLimiter(0, 10); l != nil {
		t.Errorf("NewLimiter(0) = %v", l)
	}
	f := newFixture(t, negotiate.Watch, nil)
	for i := range 200 {
		if r := f.do("GET", "/whep/cam", ""); r.StatusCode != 200 {
			t.Fatalf("request %d: status %d", i, r.StatusCode)
		}
	}
}
