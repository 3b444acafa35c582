package peer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/pion/stun/v4"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"
)

const (
	probeTimeout = 3 * time.Second
	// probeRefresh keeps the NAT's binding of a quiet socket alive, besides
	// noticing a new address: many NATs drop it after 30 s.
	probeRefresh  = 20 * time.Second
	probeRetry    = time.Second // after the first failure, then doubling
	probeRetryMax = time.Minute
	// mappedLife is how long an address is believed without a new confirmation.
	mappedLife = 3 * probeRefresh
	// probeLogEvery is the least time between two log lines about one server.
	probeLogEvery = time.Minute
)

// The results of a probe, as labels.
const (
	probeOK     = "ok"
	probeFailed = "failed"
)

var errNoMapping = errors.New("the answer holds no usable address")

// addrMapper asks a STUN server, from the media socket, for its address on the
// other side of the NAT. *ice.UniversalUDPMuxDefault does.
type addrMapper interface {
	GetXORMappedAddrContext(ctx context.Context, server net.Addr, timeout time.Duration) (*stun.XORMappedAddress, error)
}

// prober keeps an up-to-date list of the addresses that STUN servers see our
// socket under. It asks in the background, all servers at once; whoever wants
// the list takes what was found last and never waits.
type prober struct {
	mapper addrMapper
	log    *slog.Logger
	probes *prometheus.CounterVec
	cancel context.CancelFunc
	asking sync.WaitGroup // one goroutine per server

	mu    sync.Mutex
	found map[string]mapping // by server; guarded by mu
}

type mapping struct {
	addr netip.AddrPort
	at   time.Time
}

// startProber starts one goroutine per server. The caller ends them with close.
func startProber(servers []*stun.URI, mapper addrMapper, log *slog.Logger, probes *prometheus.CounterVec) *prober {
	ctx, cancel := context.WithCancel(context.Background())
	p := &prober{mapper: mapper, log: log, probes: probes, cancel: cancel, found: make(map[string]mapping)}
	for _, server := range servers {
		p.asking.Go(func() { p.watch(ctx, net.JoinHostPort(server.Host, strconv.Itoa(server.Port))) })
	}
	return p
}

// close stops asking and waits.
func (p *prober) close() {
	p.cancel()
	p.asking.Wait()
}

// mapped returns the addresses found, each once, in a fixed order.
func (p *prober) mapped() []netip.AddrPort {
	p.mu.Lock()
	defer p.mu.Unlock()
	var addrs []netip.AddrPort
	for _, m := range p.found {
		if time.Since(m.at) < mappedLife && !slices.Contains(addrs, m.addr) {
			addrs = append(addrs, m.addr)
		}
	}
	slices.SortFunc(addrs, netip.AddrPort.Compare)
	return addrs
}

// watch asks one server until ctx ends.
func (p *prober) watch(ctx context.Context, server string) {
	limit := rate.Sometimes{Interval: probeLogEvery}
	retry := probeRetry
	for {
		addr, err := p.ask(ctx, server)
		if ctx.Err() != nil {
			return
		}
		wait := probeRefresh
		if err != nil {
			p.probes.WithLabelValues(probeFailed).Inc()
			limit.Do(func() { p.log.Warn("STUN server does not answer; going on without it", "server", server, "error", err) })
			wait, retry = retry, min(2*retry, probeRetryMax)
		} else {
			p.probes.WithLabelValues(probeOK).Inc()
			retry = probeRetry
			p.note(server, addr)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// note keeps what a server answered, and logs it when it is news.
func (p *prober) note(server string, addr netip.AddrPort) {
	p.mu.Lock()
	old := p.found[server]
	p.found[server] = mapping{addr: addr, at: time.Now()}
	p.mu.Unlock()
	if old.addr != addr {
		p.log.Info("STUN server knows our address", "server", server, "address", addr)
	}
}

// ask asks a server once. The name is resolved each time: servers move.
func (p *prober) ask(ctx context.Context, server string) (netip.AddrPort, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	to, err := resolve(ctx, server)
	if err != nil {
		return netip.AddrPort{}, err
	}
	answer, err := p.mapper.GetXORMappedAddrContext(ctx, to, probeTimeout)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("ask %s: %w", to, err)
	}
	ip, ok := netip.AddrFromSlice(answer.IP)
	if ip = ip.Unmap(); !ok || !ip.IsGlobalUnicast() || answer.Port <= 0 || answer.Port > 65535 {
		return netip.AddrPort{}, fmt.Errorf("ask %s: %w", to, errNoMapping)
	}
	return netip.AddrPortFrom(ip, uint16(answer.Port)), nil // checked above
}

// resolve finds a server's address, IPv4 if it has one: that is where NATs are.
func resolve(ctx context.Context, server string) (*net.UDPAddr, error) {
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		return nil, fmt.Errorf("split %q: %w", server, err)
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("resolve: %w", err)
	}
	number, err := net.DefaultResolver.LookupPort(ctx, "udp", port)
	if err != nil {
		return nil, fmt.Errorf("resolve: %w", err)
	}
	slices.SortStableFunc(addrs, func(a, b netip.Addr) int { return a.Unmap().BitLen() - b.Unmap().BitLen() })
	return net.UDPAddrFromAddrPort(netip.AddrPortFrom(addrs[0].Unmap(), uint16(number))), nil // a port
}
