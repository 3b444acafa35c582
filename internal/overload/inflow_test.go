package overload

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipeFrom is a connection of a client that sends without end.
func pipeFrom(t *testing.T, inflow *Inflow, client string) net.Conn {
	t.Helper()
	ours, theirs := net.Pipe()
	var sending sync.WaitGroup
	sending.Go(func() {
		for block := make([]byte, 32<<10); ; {
			if _, err := theirs.Write(block); err != nil {
				return
			}
		}
	})
	c := inflow.pace(ours, netip.MustParseAddr(client))
	t.Cleanup(func() { _ = c.Close(); sending.Wait() })
	return c
}

// However many connections a client has, what is read of it has one budget, and others
// and proxies have theirs.
func TestInflowOfAClientIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const seconds = 10
		inflow := NewInflow(false, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
		var reading sync.WaitGroup
		read := make(chan int64, 8)
		for range 8 {
			c := pipeFrom(t, inflow, "192.0.2.1")
			reading.Go(func() {
				n, _ := io.Copy(io.Discard, c)
				read <- n
			})
			time.AfterFunc(seconds*time.Second, func() { _ = c.Close() })
		}
		began := time.Now()
		for _, other := range []string{"192.0.2.2", "10.0.0.1"} {
			if _, err := io.CopyN(io.Discard, pipeFrom(t, inflow, other), inflowBurst/2); err != nil || time.Since(began) > 0 {
				t.Errorf("%s: %v after %v", other, err, time.Since(began))
			}
		}
		proxy := pipeFrom(t, inflow, "10.0.0.1")
		if _, err := io.CopyN(io.Discard, proxy, 10*inflowBurst); err != nil || time.Since(began) > 0 {
			t.Errorf("a proxy: %v after %v", err, time.Since(began))
		}
		reading.Wait()
		var all int64
		for range 8 {
			all += <-read
		}
		if most := int64(inflowBurst + (seconds+1)*inflowRate*runtime.GOMAXPROCS(0)); all > most || all < most/2 {
			t.Errorf("%d bytes were read in %d s, %d are allowed", all, seconds, most)
		}
	})
}

// A handshake counts, and a connection that is closed waits no longer.
func TestHandshakesCountAndCloseEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inflow := NewInflow(true, nil)
		for range inflowBurst / handshakeCost {
			c := pipeFrom(t, inflow, "192.0.2.1")
			if n, err := c.Read(make([]byte, 1)); n != 1 || err != nil {
				t.Fatal(n, err)
			}
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
		}
		c := pipeFrom(t, inflow, "192.0.2.1")
		time.AfterFunc(time.Millisecond, func() { _ = c.Close() })
		if _, err := c.Read(make([]byte, 32<<10)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a read beyond the budget: %v", err)
		}
	})
}

// Requests count, on connections whose reads are paced, also below TLS.
func TestRequestsCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inflow := NewInflow(false, nil)
		c := pipeFrom(t, inflow, "192.0.2.1")
		ctx := Context(t.Context(), tls.Server(c, nil))
		handler := CountRequests(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		request := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
		began, reads := time.Now(), 0
		for ; time.Since(began) == 0 && reads < 2*inflowBurst/costAtOnce; reads++ {
			for range costAtOnce / requestCost {
				handler.ServeHTTP(nil, request)
			}
			if _, err := c.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
		if want := inflowBurst/costAtOnce + 1; reads != want {
			t.Errorf("the budget lasted for %d reads after %d requests each, want %d", reads, costAtOnce/requestCost, want)
		}
		handler.ServeHTTP(nil, httptest.NewRequest(http.MethodGet, "/", nil)) // of a proxy, say
	})
}
