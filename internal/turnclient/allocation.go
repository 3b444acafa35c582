package turnclient

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
)

// Config describes a server and what it knows us by.
type Config struct {
	// URL is turn: or turns: (RFC 7065); turns: over TCP only.
	URL string
	// Username and Password are long-term credentials (RFC 8489 section 9.2).
	Username, Password string
	// Dialer connects to the server; nil for the machine's own network.
	Dialer Dialer
	// TLS holds the certificates to trust for turns:; nil for the system's.
	TLS *tls.Config
	// Refresh is how often the server is asked whether it still knows us; 0 is 20 s.
	// Over UDP it also keeps a NAT on the way open.
	Refresh time.Duration
	// Logger takes what pion has to say.
	Logger logging.LoggerFactory
}

// Errors that end an allocation, wrapped by Allocation.Err.
var (
	// ErrClosed: Close was called.
	ErrClosed = errors.New("allocation closed")
	// ErrLost: the server is gone, or has forgotten the allocation.
	ErrLost = errors.New("allocation lost")
)

const (
	refreshInterval = 20 * time.Second // by default
	// queueLength is how many packets wait for the server: half a megabyte, about two
	// seconds of one stream.
	queueLength = 512
	// maxPacket is the largest payload that is relayed, in bytes.
	maxPacket = 1600
)

// Allocation is a relayed address. It is a net.PacketConn for one reader and any
// number of writers. A reader has to be there all the time: it also takes the
// server's answers.
type Allocation struct {
	// Set by Open, read-only afterwards.
	link     serverConn
	server   net.Addr
	client   *turn.Client
	relayed  netip.AddrPort
	conn     net.PacketConn // pion's end, which keeps the allocation refreshed
	username stun.Username
	password string

	nonce   atomic.Pointer[stun.Nonce]
	dropped atomic.Uint64
	queue   chan *frame
	peers   peers

	ctx     context.Context //nolint:containedctx // the allocation's life, not a call's
	cancel  context.CancelCauseFunc
	workers sync.WaitGroup
	closing sync.Once
}

// Open allocates an address at the server. ctx bounds that, not the allocation's life.
// The caller reads from it and closes it.
func Open(ctx context.Context, cfg Config) (*Allocation, error) {
	uri, err := stun.ParseURI(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("TURN server %q: %w", cfg.URL, err)
	}
	if cfg.Dialer == nil {
		cfg.Dialer = &net.Dialer{}
	}
	link, err := dial(ctx, cfg.Dialer, uri, cfg.TLS)
	if err != nil {
		return nil, fmt.Errorf("TURN server %s: %w", cfg.URL, err)
	}
	a := &Allocation{
		link: link, server: serverAddr, username: stun.NewUsername(cfg.Username), password: cfg.Password,
		queue: make(chan *frame, queueLength), peers: newPeers(),
	}
	a.client, err = turn.NewClient(&turn.ClientConfig{
		TURNServerAddr: serverAddr.String(), Conn: requests{link, serverAddr}, Username: cfg.Username, Password: cfg.Password,
		LoggerFactory: cfg.Logger, RequestedAddressFamily: turn.RequestedAddressFamilyIPv4,
	})
	if err == nil {
		err = a.allocate(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("TURN server %s: %w", cfg.URL, err), link.close())
	}
	a.ctx, a.cancel = context.WithCancelCause(context.Background())
	a.workers.Go(a.write)
	a.workers.Go(func() { a.refresh(cmp.Or(cfg.Refresh, refreshInterval)) })
	return a, nil
}

// serverAddr is what pion calls the server. The link knows where it is.
var serverAddr = &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 3478} //nolint:gochecknoglobals // RFC 5737

// allocate asks for an address and reads the answers itself, since nobody else does
// yet.
func (a *Allocation) allocate(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = a.link.setReadDeadline(time.Unix(1, 0)) })
	defer stop()
	type result struct {
		conn net.PacketConn
		err  error
	}
	done := make(chan result, 1)
	go func() {
		conn, err := a.client.Allocate()
		done <- result{conn, err}
		_ = a.link.setReadDeadline(time.Unix(1, 0)) // ends the reading below
	}()
	buf := make([]byte, maxMessage)
	var readErr error
	for readErr == nil {
		var n int
		if n, readErr = a.link.read(buf); readErr == nil {
			a.control(buf[:n])
		}
	}
	if !errors.Is(readErr, os.ErrDeadlineExceeded) || ctx.Err() != nil {
		a.client.Close() // ends Allocate
	}
	r := <-done
	if r.conn != nil && ctx.Err() != nil {
		_ = r.conn.Close()
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("allocate: %w", context.Cause(ctx))
	case r.err != nil && !errors.Is(readErr, os.ErrDeadlineExceeded):
		return fmt.Errorf("allocate: %w", readErr)
	case r.err != nil:
		return fmt.Errorf("allocate: %w", r.err)
	}
	a.conn = r.conn
	a.relayed = canonical(r.conn.LocalAddr().(*net.UDPAddr).AddrPort()) // what pion makes
	return a.link.setReadDeadline(time.Time{})
}

// Addr returns the relayed address.
func (a *Allocation) Addr() netip.AddrPort { return a.relayed }

// LocalAddr returns the relayed address.
func (a *Allocation) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(a.relayed) }

// Done is closed when the allocation is over; Err then says why.
func (a *Allocation) Done() <-chan struct{} { return a.ctx.Done() }

// Err returns why the allocation is over, nil while it lives.
func (a *Allocation) Err() error {
	if a.ctx.Err() == nil {
		return nil
	}
	return context.Cause(a.ctx)
}

// Dropped returns how many packets found no room on the way to the server.
func (a *Allocation) Dropped() uint64 { return a.dropped.Load() }

// fail ends the allocation for a reason; reading ends with it.
func (a *Allocation) fail(err error) {
	a.cancel(err)
	_ = a.link.setReadDeadline(time.Unix(1, 0))
}

// Close gives the address back and waits for everything that belongs to the
// allocation. Closing twice is harmless.
func (a *Allocation) Close() error {
	a.closing.Do(func() {
		// Whoever begins a request holds the lock and looks at ctx: nobody begins one after this.
		a.peers.mu.Lock()
		a.cancel(ErrClosed)
		a.peers.mu.Unlock()
		a.link.hurry()
		_ = a.conn.Close() // tells the server, which need not answer
		a.client.Close()   // ends requests that wait
		_ = a.link.close()
	})
	a.workers.Wait()
	return nil
}

// write sends what is queued, as much at once as there is.
func (a *Allocation) write() {
	const most = 16 // messages in one write, a TLS record
	frames := make([]*frame, 0, most)
	messages := make([][]byte, 0, most)
	for {
		frames, messages = frames[:0], messages[:0]
		select {
		case f := <-a.queue:
			frames = append(frames, f)
		case <-a.ctx.Done():
			return
		}
	more:
		for len(frames) < most {
			select {
			case f := <-a.queue:
				frames = append(frames, f)
			default:
				break more
			}
		}
		for _, f := range frames {
			messages = append(messages, f.bytes)
		}
		err := a.link.write(messages...)
		for _, f := range frames {
			framePool.Put(f)
		}
		if err != nil {
			a.fail(fmt.Errorf("%w: write: %w", ErrLost, err))
			return
		}
	}
}

// refresh asks the server now and then whether the allocation lives. pion refreshes it
// as well, half-way through its life, and does not tell how that went.
func (a *Allocation) refresh(interval time.Duration) {
	for {
		select {
		case <-time.After(interval):
		case <-a.ctx.Done():
			return
		}
		if err := a.transact(stun.MethodRefresh, lifetime(allocationLifetime)); err != nil {
			a.fail(fmt.Errorf("%w: refresh: %w", ErrLost, err))
			return
		}
		a.maintain(time.Now())
	}
}
