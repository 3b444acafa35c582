package overload

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
)

const (
	// reserved is how many files are kept for what is not a client's connection:
	// the sockets of our own, a camera, certificates, connections to servers.
	reserved = 64
	// spare is how many connections beyond the limit are taken at a time to be told
	// so. One more is closed without a word.
	spare = 16
)

// Files bounds the connections that clients can make the process open, so that the
// system's limit on open files is never met: then not even a refusal could be sent.
type Files struct {
	most int64 // 0: no limit
	open atomic.Int64
	// Refused counts the connections that came when there was no room.
	Refused atomic.Uint64
}

// NewFiles makes a bound from the system's limit of this process.
func NewFiles() *Files { return filesOf(fileLimit()) }

func filesOf(limit int) *Files {
	if limit == 0 {
		return &Files{}
	}
	return &Files{most: int64(max(limit-reserved-spare, 1))}
}

// Most is how many connections there may be; 0: any number.
func (f *Files) Most() int { return int(f.most) }

// Take counts one more connection and says whether there is room for it. Either way
// Give takes it off the count.
func (f *Files) Take() bool {
	n := f.open.Add(1)
	if f.most == 0 || n <= f.most {
		return true
	}
	f.Refused.Add(1)
	return false
}

// Give takes a connection off the count.
func (f *Files) Give() { f.open.Add(-1) }

// beyondSpare says that not even a refusal can be sent any more.
func (f *Files) beyondSpare() bool { return f.most != 0 && f.open.Load() > f.most+spare }

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
		c := &conn{Conn: accepted, files: l.files, room: l.files.Take()}
		if c.room || !l.files.beyondSpare() {
			return c, nil
		}
		_ = c.Close() // nothing can be done about an error
	}
}

// conn gives its place back when it is closed.
type conn struct {
	net.Conn
	files *Files
	room  bool
	once  sync.Once
}

// Close closes the connection.
func (c *conn) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.files.Give)
	return err // transparent
}

// CloseWrite ends the sending side, for servers that want to be heard out.
func (c *conn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}

// noRoom is the key of a context's value.
type noRoom struct{}

// Context marks the requests of a connection for which there is no room. It suits
// http.Server.ConnContext.
func Context(ctx context.Context, c net.Conn) context.Context {
	if wrapped, ok := c.(interface{ NetConn() net.Conn }); ok { // TLS
		c = wrapped.NetConn()
	}
	if counted, ok := c.(*conn); ok && !counted.room {
		return context.WithValue(ctx, noRoom{}, true)
	}
	return ctx
}

// NoRoom says whether a request came on a connection for which there is no room.
func NoRoom(ctx context.Context) bool { return ctx.Value(noRoom{}) != nil }
