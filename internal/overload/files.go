package overload

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"porthole/internal/ratelimit"
)

const (
	// reserved is how many files are kept for what is not a client's connection:
	// the sockets of our own, a camera, certificates, connections to servers. Where
	// there are few, a third of them: a dozen is what it takes.
	reserved = 64
	// spare is how many connections beyond the limit are taken at a time to be told
	// so, of few files an eighth. One more is closed without a word.
	spare = 16
	// spareOfClient is the same for one client that has its share already.
	spareOfClient = 4
	// shares says how much one client may have: a quarter of what the others leave. So
	// the files never belong to the first who come: the next one finds three quarters
	// of what there was for the one before.
	shares = 4
)

// DefaultMaxOfClient is how many connections one client may have. A silent one costs
// 24 KiB, one that sends half a request about 100 KiB: 64 MiB hold them all.
const DefaultMaxOfClient = 512

// Files bounds the connections that clients can make the process open, so that the
// system's limit on open files is never met: then not even a refusal could be sent.
type Files struct {
	most, spare int64 // connections, and beyond them; 0: no limit
	open        atomic.Int64
	// Refused counts the connections that came when there was no room.
	Refused atomic.Uint64

	perClient int            // connections; 0: no limit
	exempt    []netip.Prefix // proxies, which bring many clients

	mu      sync.Mutex
	clients map[netip.Addr]int // connections, of those who have any
}

// LimitClients bounds the connections of each client, a /64 of IPv6 being one, to most
// and to a fair share of the files; 0 is no bound. Proxies are not clients. It is
// called before the first connection.
func (f *Files) LimitClients(most int, proxies []netip.Prefix) {
	f.perClient, f.exempt = most, proxies
}

// OfClient is how many connections a client may have while there are no others; 0: any
// number.
func (f *Files) OfClient() int { return f.share(0) }

// share is how many connections a client may have beside those of others; 0: any number.
func (f *Files) share(others int64) int {
	if f.perClient == 0 || f.most == 0 {
		return f.perClient
	}
	return min(f.perClient, int(max((f.most-others)/shares, 1)))
}

// NewFiles makes a bound from the system's limit of this process.
func NewFiles() *Files { return filesOf(fileLimit()) }

func filesOf(limit int) *Files {
	if limit == 0 {
		return &Files{}
	}
	kept, beyond := min(reserved, limit/3), min(spare, limit/8)
	return &Files{most: int64(max(limit-kept-beyond, 1)), spare: int64(beyond)}
}

// Most is how many connections there may be; 0: any number.
func (f *Files) Most() int { return int(f.most) }

// Take counts one more connection of a client and says whether there is room for it.
// Either way Give takes it off the count.
func (f *Files) Take(client netip.Addr) bool {
	total, own := f.open.Add(1), f.count(client, 1)
	if (f.most == 0 || total <= f.most) && (own == 0 || own <= f.share(total-int64(own))) {
		return true
	}
	f.Refused.Add(1)
	return false
}

// Give takes a connection off the count.
func (f *Files) Give(client netip.Addr) {
	f.open.Add(-1)
	f.count(client, -1)
}

// count changes how many connections a client has, and returns how many it has then;
// 0 for who is not limited. The table holds who has connections, so the files bound it.
func (f *Files) count(client netip.Addr, change int) int {
	client = client.Unmap().WithZone("")
	if f.perClient == 0 || slices.ContainsFunc(f.exempt, func(p netip.Prefix) bool { return p.Contains(client) }) {
		return 0
	}
	client = ratelimit.Key(client)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.clients == nil {
		f.clients = make(map[netip.Addr]int)
	}
	n := f.clients[client] + change
	if f.clients[client] = n; n == 0 {
		delete(f.clients, client)
	}
	return n
}

// beyondSpare says that not even a refusal can be sent to a client any more.
func (f *Files) beyondSpare(client netip.Addr) bool {
	own, total := f.count(client, 0), f.open.Load()
	return f.most != 0 && total > f.most+f.spare || own != 0 && own > f.share(total-int64(own))+spareOfClient
}

// Listener counts the connections of another listener. Those for which there is no
// room can be told from the context that Context makes.
func (f *Files) Listener(l net.Listener) net.Listener { return &listener{Listener: l, files: f} }

type listener struct {
	net.Listener
	files *Files
}

// Accept returns the next connection that can at least be told to come again.
func (l *listener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			return nil, err // net/http compares it
		}
		client := addrOf(accepted)
		c := &conn{Conn: accepted, files: l.files, client: client, room: l.files.Take(client)}
		if c.room || !l.files.beyondSpare(client) {
			return c, nil
		}
		_ = c.Close() // nothing can be done about an error
	}
}

// addrOf is who made a connection, invalid when that is no IP address.
func addrOf(c net.Conn) netip.Addr {
	if tcp, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr()
	}
	return netip.Addr{}
}

// conn gives its place back when it is closed.
type conn struct {
	net.Conn
	files  *Files
	client netip.Addr
	room   bool
	once   sync.Once
}

// Close closes the connection.
func (c *conn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { c.files.Give(c.client) })
	return err // transparent
}

// CloseWrite ends the sending side, for servers that want to be heard out.
func (c *conn) CloseWrite() error { return closeWrite(c.Conn) }

// SyscallConn lets options of the socket be set; without one, the error is errors.ErrUnsupported.
func (c *conn) SyscallConn() (syscall.RawConn, error) {
	if socket, ok := c.Conn.(syscall.Conn); ok {
		return socket.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}

func closeWrite(c net.Conn) error {
	half, ok := c.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}

// noRoom is the key of a context's value.
type noRoom struct{}

// Context marks the requests of a connection for which there is no room, and remembers
// whose reads are paced. It suits http.Server.ConnContext.
func Context(ctx context.Context, c net.Conn) context.Context {
	for {
		if paced, ok := c.(*pacedConn); ok {
			ctx = context.WithValue(ctx, pacer{}, paced)
		}
		wrapped, ok := c.(interface{ NetConn() net.Conn }) // TLS, and Inflow
		if !ok {
			break
		}
		c = wrapped.NetConn()
	}
	if counted, ok := c.(*conn); ok && !counted.room {
		return context.WithValue(ctx, noRoom{}, true)
	}
	return ctx
}

// NoRoom says whether a request came on a connection for which there is no room.
func NoRoom(ctx context.Context) bool { return ctx.Value(noRoom{}) != nil }
