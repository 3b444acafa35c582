package mjpeg

import "golang.org/x/sys/unix"

// limitUnsent sets TCP_NOTSENT_LOWAT (tcp(7)).
func limitUnsent(fd uintptr) {
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, maxUnsent) // pictures come late without it, no more
}
