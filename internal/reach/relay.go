package reach

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"
	"golang.org/x/time/rate"

	"porthole/internal/pionlog"
	"porthole/internal/turnclient"
)

const (
	relayTimeout  = 10 * time.Second // for one server, names and TLS included
	relayRetry    = time.Second      // after the first failure of all servers, then doubling
	relayRetryMax = 30 * time.Second
	// relayLook is how often the list of servers is looked at while it is empty: they
	// are asked in the background, too.
	relayLook    = 250 * time.Millisecond
	relayLogging = 10 * time.Minute // between two warnings
)

// RelayServer is a TURN server and what it knows us by.
type RelayServer struct {
	URL                string // turn: or turns: (RFC 7065)
	Username, Password string
}

// Relayed is an address of ours at a TURN server, which all sessions share.
type Relayed struct {
	Addr       netip.AddrPort
	Server     string             // its URL
	Mux        *ice.UDPMuxDefault // reads from the allocation, and closes it
	Allocation *turnclient.Allocation
}

// RelayKeeper keeps one address at one TURN server, the best that there is, for as long
// as the engine lives. Nobody waits for it: sessions get what is there.
type RelayKeeper struct {
	// Set by StartRelay, read-only afterwards.
	servers func() []RelayServer
	dialer  turnclient.Dialer
	log     *slog.Logger
	metrics *RelayMetrics
	cancel  context.CancelFunc

	running sync.WaitGroup
	now     atomic.Pointer[Relayed] // nil while there is none
}

// StartRelay begins to look for a server, unless servers is nil. The caller ends it
// with Close.
func StartRelay(servers func() []RelayServer, dialer turnclient.Dialer, log *slog.Logger, metrics *RelayMetrics) *RelayKeeper {
	ctx, cancel := context.WithCancel(context.Background())
	k := &RelayKeeper{servers: servers, dialer: dialer, log: log, metrics: metrics, cancel: cancel}
	if servers != nil {
		k.running.Go(func() { k.keep(ctx) })
	}
	return k
}

// Close gives the address back and waits.
func (k *RelayKeeper) Close() {
	k.cancel()
	k.running.Wait()
}

// Current returns the address of now; nil for none.
func (k *RelayKeeper) Current() *Relayed { return k.now.Load() }

// keep allocates, waits for the end of the allocation and begins again until ctx ends.
func (k *RelayKeeper) keep(ctx context.Context) {
	limit := rate.Sometimes{First: 1, Interval: relayLogging}
	var retry time.Duration
	for ctx.Err() == nil {
		r, err := k.allocate(ctx)
		if err != nil {
			wait := relayLook
			if !errors.Is(err, errNoRelay) {
				limit.Do(func() { k.log.Warn("no TURN server gives us an address; going on without", "error", err) })
				retry = min(cmp.Or(2*retry, relayRetry), relayRetryMax)
				wait = retry
			}
			select {
			case <-time.After(wait):
			case <-ctx.Done():
			}
			continue
		}
		retry = 0
		k.log.Info("clients can reach us through a TURN server", "server", r.Server, "address", r.Addr)
		k.now.Store(r)
		k.metrics.up.Set(1)
		select {
		case <-r.Allocation.Done():
			k.log.Warn("lost the address at a TURN server; getting another", "server", r.Server, "error", r.Allocation.Err())
		case <-ctx.Done():
		}
		k.now.Store(nil)
		k.metrics.up.Set(0)
		k.metrics.dropped.Add(float64(r.Allocation.Dropped()))
		_ = r.Mux.Close()
		_ = r.Allocation.Close() // and wait
	}
}

// errNoRelay: the list of servers is empty.
var errNoRelay = errors.New("no TURN server answers")

// allocate asks one server after the other.
func (k *RelayKeeper) allocate(ctx context.Context) (*Relayed, error) {
	var faults []error
	for _, server := range k.servers() {
		a, err := k.open(ctx, server)
		k.metrics.allocated(err)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		return &Relayed{
			Addr: a.Addr(), Server: server.URL, Allocation: a,
			Mux: ice.NewUDPMuxDefault(ice.UDPMuxParams{Logger: pionlog.Log{Log: k.log, Scope: "relay"}, UDPConn: a}),
		}, nil
	}
	if len(faults) == 0 {
		return nil, errNoRelay
	}
	return nil, errors.Join(faults...)
}

func (k *RelayKeeper) open(ctx context.Context, server RelayServer) (*turnclient.Allocation, error) {
	ctx, cancel := context.WithTimeout(ctx, relayTimeout)
	defer cancel()
	return turnclient.Open(ctx, turnclient.Config{
		URL: server.URL, Username: server.Username, Password: server.Password, Dialer: k.dialer, Logger: pionlog.Log{Log: k.log},
	})
}
