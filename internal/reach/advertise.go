package reach

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// advertiseRefresh is how often a name is looked up again: who advertises a name
	// has an address that changes.
	advertiseRefresh = time.Minute
	advertiseRetry   = 5 * time.Second // after a failure
	advertiseTimeout = 5 * time.Second
	advertiseLogging = 10 * time.Minute // between two warnings about a name
)

// Advertisement is one place that clients are told instead of the machine's own
// addresses: an IP address or a name, with a port or, when that is 0, the one of the
// media sockets.
type Advertisement struct {
	ip   netip.Addr // invalid for a name
	name string
	port uint16
}

// ParseAdvertisement reads IP, NAME, IP:PORT or NAME:PORT, with brackets around an
// IPv6 address that has a port.
func ParseAdvertisement(text string) (Advertisement, error) {
	fault := fmt.Errorf("%q is not an address that clients can reach, such as 203.0.113.7, 203.0.113.7:4000 or cam.example.org", text)
	var a Advertisement
	host := text
	if ip, err := netip.ParseAddr(text); err == nil {
		a.ip = ip
	} else if h, p, err := net.SplitHostPort(text); err == nil {
		port, err := strconv.ParseUint(p, 10, 16)
		if err != nil || port == 0 {
			return a, fault
		}
		host, a.port = h, uint16(port)
		a.ip, _ = netip.ParseAddr(h)
	}
	switch {
	case a.ip.IsValid():
		a.ip = a.ip.Unmap()
		if a.ip.IsUnspecified() || a.ip.IsMulticast() || a.ip.Zone() != "" {
			return a, fault
		}
	case validName(host):
		a.name = host
	default:
		return a, fault
	}
	return a, nil
}

// CheckAdvertise says what is wrong with the text of an advertisement.
func CheckAdvertise(text string) error {
	_, err := ParseAdvertisement(text)
	return err
}

// validName says whether a text can be a host name (RFC 1123 2.1).
func validName(text string) bool {
	if text == "" || len(text) > 253 || text[0] == '-' || text[0] == '.' {
		return false
	}
	letter := false
	for _, c := range text {
		switch {
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
			letter = true
		case '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_':
		default:
			return false
		}
	}
	return letter // 300.1.1.1 is no name
}

// Lookup finds the addresses of a name, as net.Resolver.LookupNetIP does.
type Lookup func(ctx context.Context, network, name string) ([]netip.Addr, error)

// Advertiser knows the addresses of all advertisements. Names are looked up in the
// background: whoever asks takes what was found last.
type Advertiser struct {
	// Set by StartAdvertiser, read-only afterwards.
	list   []Advertisement
	lookup Lookup
	log    *slog.Logger
	cancel context.CancelFunc

	looking sync.WaitGroup // one goroutine per name

	mu    sync.Mutex
	found map[string][]netip.Addr // by name; the slices are replaced, never edited
}

// StartAdvertiser starts a goroutine for each name. The caller ends them with Close.
func StartAdvertiser(list []Advertisement, log *slog.Logger, lookup Lookup) *Advertiser {
	ctx, cancel := context.WithCancel(context.Background())
	a := &Advertiser{
		list: list, lookup: lookup, log: log, cancel: cancel, found: make(map[string][]netip.Addr),
	}
	for _, one := range list {
		if one.name != "" {
			a.looking.Go(func() { a.follow(ctx, one.name) })
		}
	}
	return a
}

// Close stops looking up and waits.
func (a *Advertiser) Close() {
	a.cancel()
	a.looking.Wait()
}

// Current returns the addresses, those without a port of their own with that of the
// media sockets. It is empty while no name is known and nothing else is advertised.
func (a *Advertiser) Current(port uint16) []netip.AddrPort {
	if len(a.list) == 0 {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	var addrs []netip.AddrPort
	for _, one := range a.list {
		ips := a.found[one.name]
		if one.name == "" {
			ips = []netip.Addr{one.ip}
		}
		at := port
		if one.port != 0 {
			at = one.port
		}
		for _, ip := range ips {
			addrs = append(addrs, netip.AddrPortFrom(ip, at))
		}
	}
	return addrs
}

// follow looks a name up until ctx ends. A failure changes nothing: the last address
// is the best guess.
func (a *Advertiser) follow(ctx context.Context, name string) {
	limit := rate.Sometimes{Interval: advertiseLogging}
	for {
		wait := advertiseRefresh
		if err := a.resolve(ctx, name); err != nil && ctx.Err() == nil {
			wait = advertiseRetry
			limit.Do(func() {
				a.log.Warn("cannot look up the advertised name; answers hold the last known address, or those of this machine",
					"name", name, "error", err)
			})
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

func (a *Advertiser) resolve(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, advertiseTimeout)
	defer cancel()
	found, err := a.lookup(ctx, "ip", name)
	if err != nil {
		return fmt.Errorf("resolve: %w", err)
	}
	for i := range found {
		found[i] = found[i].Unmap()
	}
	// A resolver may change the order each time; what clients are told must not change with it.
	slices.SortFunc(found, netip.Addr.Compare)
	a.mu.Lock()
	changed := !slices.Equal(a.found[name], found)
	a.found[name] = found
	a.mu.Unlock()
	if changed {
		a.log.Info("advertised name has an address", "name", name, "addresses", found)
	}
	return nil
}
