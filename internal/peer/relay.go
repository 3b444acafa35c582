package peer

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

// Policy says by which paths clients may reach us.
type Policy uint8

// The policies, named like a browser's iceTransportPolicy.
const (
	PolicyAll   Policy = iota // all that there are
	PolicyRelay               // through a TURN server only
)

// String returns the policy as operators write it.
func (p Policy) String() string {
	if p == PolicyRelay {
		return "relay"
	}
	return "all"
}

// ParsePolicy reads what String writes.
func ParsePolicy(text string) (Policy, error) {
	for _, p := range []Policy{PolicyAll, PolicyRelay} {
		if text == p.String() {
			return p, nil
		}
	}
	return 0, errors.New("want all or relay")
}

// relayed is an address of ours at a TURN server, which all sessions share.
type relayed struct {
	addr       netip.AddrPort
	server     string
	mux        *ice.UDPMuxDefault // reads from the allocation, and closes it
	allocation *turnclient.Allocation
}

// relayKeeper keeps one address at one TURN server, the best that there is, for as long
// as the engine lives. Nobody waits for it: sessions get what is there.
type relayKeeper struct {
	// Set by startRelay, read-only afterwards.
	servers func() []RelayServer
	dialer  turnclient.Dialer
	log     *slog.Logger
	metrics *relayMetrics
	cancel  context.CancelFunc

	running sync.WaitGroup
	now     atomic.Pointer[relayed] // nil while there is none
}

// startRelay begins to look for a server, unless servers is nil. The caller ends it
// with close.
func startRelay(servers func() []RelayServer, dialer turnclient.Dialer, log *slog.Logger, metrics *relayMetrics) *relayKeeper {
	ctx, cancel := context.WithCancel(context.Background())
	k := &relayKeeper{servers: servers, dialer: dialer, log: log, metrics: metrics, cancel: cancel}
	if servers != nil {
		k.running.Go(func() { k.keep(ctx) })
	}
	return k
}

// close gives the address back and waits.
func (k *relayKeeper) close() {
	k.cancel()
	k.running.Wait()
}

// current returns the address of now; nil for none.
func (k *relayKeeper) current() *relayed { return k.now.Load() }

// keep allocates, waits for the end of the allocation and begins again until ctx ends.
func (k *relayKeeper) keep(ctx context.Context) {
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
		k.log.Info("clients can reach us through a TURN server", "server", r.server, "address", r.addr)
		k.now.Store(r)
		k.metrics.up.Set(1)
		select {
		case <-r.allocation.Done():
			k.log.Warn("lost the address at a TURN server; getting another", "server", r.server, "error", r.allocation.Err())
		case <-ctx.Done():
		}
		k.now.Store(nil)
		k.metrics.up.Set(0)
		k.metrics.dropped.Add(float64(r.allocation.Dropped()))
		_ = r.mux.Close()
		_ = r.allocation.Close() // and wait
	}
}

// errNoRelay: the list of servers is empty.
var errNoRelay = errors.New("no TURN server answers")

// allocate asks one server after the other.
func (k *relayKeeper) allocate(ctx context.Context) (*relayed, error) {
	var faults []error
	for _, server := range k.servers() {
		a, err := k.open(ctx, server)
		k.metrics.allocated(err)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		return &relayed{
			addr: a.Addr(), server: server.URL, allocation: a,
			mux: ice.NewUDPMuxDefault(ice.UDPMuxParams{Logger: pionLog{log: k.log, scope: "relay"}, UDPConn: a}),
		}, nil
	}
	if len(faults) == 0 {
		return nil, errNoRelay
	}
	return nil, errors.Join(faults...)
}

func (k *relayKeeper) open(ctx context.Context, server RelayServer) (*turnclient.Allocation, error) {
	ctx, cancel := context.WithTimeout(ctx, relayTimeout)
	defer cancel()
	return turnclient.Open(ctx, turnclient.Config{
		URL: server.URL, Username: server.Username, Password: server.Password, Dialer: k.dialer, Logger: pionLog{log: k.log},
	})
}

// admit lets packets of a client in at our TURN server that has told no address of its
// own: media come, as a rule, from where the offer came from. It does not wait.
func (e *Engine) admit(client netip.Addr) {
	if r := e.relay.current(); r != nil && client.IsValid() {
		r.allocation.Permit(client)
	}
}

// Relay returns where a TURN server receives for us, and the server; ok is false while
// there is none.
func (e *Engine) Relay() (addr netip.AddrPort, server string, ok bool) {
	r := e.relay.current()
	if r == nil {
		return netip.AddrPort{}, "", false
	}
	return r.addr, r.server, true
}
