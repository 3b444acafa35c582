package server

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
)

// secureOnly is under a listener of TLS. A client that speaks HTTP there, because somebody typed the address without https://, is
// told where to go instead of being hung up on.
type secureOnly struct{ net.Listener }

// Accept returns the next connection.
func (l secureOnly) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err // net/http compares it
	}
	return &secureConn{Conn: conn}, nil
}

// secureConn looks at the first bytes that a client sends. TLS reads them while it shakes hands, in the connection's own goroutine and
// within the handshake's deadline.
type secureConn struct {
	net.Conn
	looked bool // owned by the reader
}

var errPlainHTTP = errors.New("a client spoke HTTP where HTTPS is served")

// maxPlainHead is how much of a request in plain HTTP is read, bytes.
const maxPlainHead = 8 << 10

// Read reads what TLS is to see.
func (c *secureConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.looked || n == 0 {
		return n, err
	}
	c.looked = true
	// A handshake begins with 22 (RFC 8446, section 5.1), a request with a method in capitals.
	if b[0] < 'A' || b[0] > 'Z' {
		return n, err
	}
	c.redirect(b[:n])
	return 0, errPlainHTTP
}

// redirect answers a request in plain HTTP, of which the beginning has been read. What comes with a body is not
// redirected: its sender has shown its token to everybody on the way, and should hear of it.
func (c *secureConn) redirect(begun []byte) {
	head := io.LimitReader(io.MultiReader(bytes.NewReader(begun), c.Conn), maxPlainHead)
	r, err := http.ReadRequest(bufio.NewReader(head))
	if err != nil || r.Host == "" || r.URL.Host != "" {
		return // no request that makes sense: the connection ends
	}
	target := *r.URL
	target.Scheme, target.Host = "https", r.Host
	text := "This server speaks HTTPS: " + target.String() + "\n"
	answer := http.Response{
		StatusCode: http.StatusBadRequest, ProtoMajor: 1, ProtoMinor: 1, Close: true, ContentLength: int64(len(text)),
		Header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, Body: io.NopCloser(bytes.NewReader([]byte(text))), Request: r,
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		answer.StatusCode = http.StatusPermanentRedirect
		answer.Header.Set("Location", target.String())
	}
	var wire bytes.Buffer
	if err := answer.Write(&wire); err != nil {
		return
	}
	fmt.Fprint(c.Conn, wire.String()) // who does not read it is gone
}
