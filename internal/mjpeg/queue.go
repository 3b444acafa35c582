package mjpeg

import (
	"context"
	"net"
	"syscall"
)

// maxUnsent is how many bytes may wait in the kernel to be sent to a client. Otherwise it keeps seconds of pictures for one who is slow,
// who would see all of them, late.
const maxUnsent = 64 << 10

type connKey struct{}

// Context remembers the connection of its requests. It suits http.Server.ConnContext.
func Context(ctx context.Context, c net.Conn) context.Context {
	for {
		wrapped, ok := c.(interface{ NetConn() net.Conn }) // TLS, and others
		if !ok {
			break
		}
		c = wrapped.NetConn()
	}
	if raw, ok := c.(syscall.Conn); ok {
		return context.WithValue(ctx, connKey{}, raw)
	}
	return ctx
}

// keepQueueShort has the kernel take no more for the connection of a request than it can send soon.
func keepQueueShort(ctx context.Context) {
	conn, ok := ctx.Value(connKey{}).(syscall.Conn)
	if !ok {
		return
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return // it is being closed
	}
	_ = raw.Control(limitUnsent) // likewise
}
