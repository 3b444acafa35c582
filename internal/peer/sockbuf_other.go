//go:build !unix

package peer

import "net"

// bufferSizes takes the kernel at its word where there is no way to ask.
func bufferSizes(*net.UDPConn) (receive, send int, err error) {
	return socketBuffer, socketBuffer, nil
}
