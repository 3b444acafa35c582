//go:build unix

package peer

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"syscall"
)

// bufferSizes returns what the kernel gave a socket, in bytes of payload.
func bufferSizes(conn *net.UDPConn) (receive, send int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, 0, fmt.Errorf("reach the socket: %w", err)
	}
	var receiveErr, sendErr error
	err = raw.Control(func(fd uintptr) {
		receive, receiveErr = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF)
		send, sendErr = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF)
	})
	if runtime.GOOS == "linux" { // which doubles what was asked, for its own bookkeeping: socket(7)
		receive, send = receive/2, send/2
	}
	return receive, send, errors.Join(err, receiveErr, sendErr)
}
