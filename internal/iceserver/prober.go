package iceserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"
)

const (
	// probeTimeout is when a question counts as unanswered: three requests by the
	// retransmission times of RFC 8489 6.2.1 (at 0, 0.5 and 1.5 s) and the wait for
	// the answer to the last.
	probeTimeout = 3500 * time.Millisecond
	// probeRefresh is how often a live server is asked: often enough for a dead one
	// not to be handed out for long, and for the NAT's binding of a quiet socket to
	// stay, which many drop after 30 s.
	probeRefresh  = 10 * time.Second
	probeRetry    = time.Second // after the first failure, then doubling
	probeRetryMax = time.Minute
	// mappedLife is how long an address is believed without a new confirmation.
	mappedLife = 3 * probeRefresh
	// probeLogEvery is the least time between two log lines about one server.
	probeLogEvery = time.Minute
)

var errNoMapping = errors.New("the answer holds no usable address")

// Answer is what a server told about us.
type Answer struct {
	Mapped   netip.AddrPort // the address it saw our socket under
	RTT      time.Duration  // from the first request on
	Requests int            // how many it took, 1 or more
}

// AskFunc asks a server, from the media socket over UDP, for our address: one STUN
// transaction with retransmissions, bounded by ctx.
type AskFunc func(ctx context.Context, server netip.AddrPort) (Answer, error)

// Config configures a Prober. The zero value is one without servers.
type Config struct {
	// Servers are all that are known, in the order of preference until more is
	// known about them.
	Servers []Server
	// Log receives a line when a server begins or ceases to answer and when our
	// address changes; nil discards them.
	Log *slog.Logger
	// Registerer takes the metrics; nil keeps none.
	Registerer prometheus.Registerer
}

// Prober keeps track of servers: which are alive, how far away they are, and which
// address they see our media socket under. It asks in the background, all servers
// at once. All methods may be called by any goroutine.
type Prober struct {
	// Set by NewProber, read-only afterwards.
	log     *slog.Logger
	metrics *metrics
	ctx     context.Context //nolint:containedctx // the life of the prober, not a call's
	cancel  context.CancelFunc
	asking  sync.WaitGroup // one goroutine per server

	mu      sync.Mutex
	servers []*record // in the configured order; guarded by mu
	order   []*record // best first; guarded by mu
}

// NewProber makes a Prober that asks nobody before Start. It fails only when the
// metrics cannot be registered.
func NewProber(cfg Config) (*Prober, error) {
	m, err := newMetrics(cfg.Registerer, cfg.Servers)
	if err != nil {
		return nil, err
	}
	p := &Prober{log: cfg.Log, metrics: m}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	for _, server := range cfg.Servers {
		p.servers = append(p.servers, &record{server: server})
	}
	p.order = slices.Clone(p.servers)
	return p, nil
}

// Start begins to ask. It is called once, and not after Close.
func (p *Prober) Start(ask AskFunc) {
	for _, r := range p.servers {
		p.asking.Go(func() { p.watch(r, ask) })
	}
}

// Close stops asking and waits. Closing twice, or without Start, is harmless.
func (p *Prober) Close() {
	p.cancel()
	p.asking.Wait()
}

// Mapped returns the addresses that servers see our media socket under and that
// others could reach, each once, in a fixed order.
func (p *Prober) Mapped() []netip.AddrPort {
	p.mu.Lock()
	defer p.mu.Unlock()
	var addrs []netip.AddrPort
	for _, r := range p.servers {
		if r.mapped.Addr().IsGlobalUnicast() && time.Since(r.answered) < mappedLife && !slices.Contains(addrs, r.mapped) {
			addrs = append(addrs, r.mapped)
		}
	}
	slices.SortFunc(addrs, netip.AddrPort.Compare)
	return addrs
}

// Ranked returns the servers to use, the best first, without those that are dead.
// Servers that were not asked yet come after those that answered. When no relay is
// known to live, all are returned as configured, and likewise all STUN servers: it may
// be us who cannot reach them, and a client that can is better off with them.
func (p *Prober) Ranked() []Server {
	p.mu.Lock()
	defer p.mu.Unlock()
	var servers []Server
	for _, relays := range []bool{false, true} {
		of := func(records []*record, keep func(*record) bool) (list []Server) {
			for _, r := range records {
				if r.server.Relays() == relays && keep(r) {
					list = append(list, r.server)
				}
			}
			return list
		}
		if len(of(p.order, func(r *record) bool { return r.state == Alive })) > 0 {
			servers = append(servers, of(p.order, func(r *record) bool { return r.state != Dead })...)
		} else {
			servers = append(servers, of(p.servers, func(*record) bool { return true })...)
		}
	}
	return servers
}

// Status returns what is known of each server, in the configured order.
func (p *Prober) Status() []ServerStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]ServerStatus, len(p.servers))
	for i, r := range p.servers {
		all[i] = r.status(1 + slices.Index(p.order, r))
	}
	return all
}

// watch asks one server until the prober is closed.
func (p *Prober) watch(r *record, ask AskFunc) {
	limit := rate.Sometimes{Interval: probeLogEvery}
	retry := probeRetry
	var allocated time.Time // when it last gave us a relay
	for {
		answer, err := p.ask(r.server, ask, &allocated)
		if p.ctx.Err() != nil {
			return
		}
		wait := probeRefresh
		if err != nil {
			p.failed(r, err)
			limit.Do(func() {
				p.log.Warn("ICE server does not answer; going on without it", "server", r.server, "error", err)
			})
			wait, retry = retry, min(2*retry, probeRetryMax)
		} else {
			p.answered(r, answer)
			retry = probeRetry
		}
		select {
		case <-time.After(wait):
		case <-p.ctx.Done():
			return
		}
	}
}

// ask asks a server once. The name is resolved each time: servers move. A TURN server
// is asked for a relay too, at first, after a failure and every ten minutes. One that
// answers no plain STUN, which some are set up not to, shows by a relay that it lives.
func (p *Prober) ask(server Server, ask AskFunc, allocated *time.Time) (Answer, error) {
	ctx, cancel := context.WithTimeout(p.ctx, probeTimeout)
	defer cancel()
	to, err := resolve(ctx, server)
	if err != nil {
		return Answer{}, err
	}
	answer, err := p.reach(server, to, ask)
	if !server.Relays() || !server.HasCredentials() || err == nil && time.Since(*allocated) < allocateEvery {
		return answer, err
	}
	*allocated = time.Time{}
	refused := p.allocate(server, to)
	switch {
	case refused == nil:
		*allocated = time.Now()
		return answer, nil
	case err == nil:
		err = refused
	}
	return Answer{}, err
}

// resolve finds a server's address, IPv4 if it has one: that is where NATs are.
func resolve(ctx context.Context, server Server) (netip.AddrPort, error) {
	if addr, err := netip.ParseAddr(server.Host); err == nil {
		return netip.AddrPortFrom(addr.Unmap(), server.Port), nil
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", server.Host)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("resolve: %w", err)
	}
	slices.SortStableFunc(addrs, func(a, b netip.Addr) int { return a.Unmap().BitLen() - b.Unmap().BitLen() })
	return netip.AddrPortFrom(addrs[0].Unmap(), server.Port), nil
}
