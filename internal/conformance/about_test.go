package conformance_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
)

// Requests to the API and for metrics are bounded for each client like those of WHIP
// and WHEP, and beside them.
func TestAPIRateLimit(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, path := range []string{"/api/streams", "/metrics"} {
		var refused atomic.Bool
		var asking sync.WaitGroup
		for range 4 {
			asking.Go(func() {
				for i := 0; i < 1000 && !refused.Load(); i++ {
					r, err := http.Get(s.url + path)
					if err != nil {
						continue
					}
					_ = r.Body.Close()
					if r.StatusCode == http.StatusTooManyRequests {
						refused.Store(r.Header.Get("Retry-After") != "")
					}
				}
			})
		}
		asking.Wait()
		if !refused.Load() {
			t.Errorf("%s: 4,000 requests were never answered 429 with Retry-After", path)
		}
	}
	if got := s.do("GET", "/whep/row", "").status; got == http.StatusTooManyRequests {
		t.Error("requests to the API count as signalling")
	}
}
