package load

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// receiver reads a UDP socket in batches: the system merges packets of one
// sender that came together into one read (UDP_GRO, Linux 5.0), which is most of
// what a load generator can save. One goroutine at a time reads.
type receiver struct {
	raw     syscall.RawConn
	buffers *sync.Pool
	dropped atomic.Uint32 // packets that the socket's buffer had no room for

	// Owned by the reading goroutine.
	buffer *[readSize]byte // holds arrival's data; nil between reads
	oob    [128]byte
	arrival
}

func newReceiver(conn *net.UDPConn, buffers *sync.Pool) (*receiver, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("reach the socket: %w", err)
	}
	// Without either of them it still works: packet by packet, and silent about drops.
	err = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_GRO, 1)
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1)
	})
	if err != nil {
		return nil, fmt.Errorf("set up the socket: %w", err)
	}
	return &receiver{raw: raw, buffers: buffers}, nil
}

// next returns the next packet, which is valid until the next call, with its
// sender and the time of its arrival.
func (r *receiver) next() ([]byte, netip.AddrPort, time.Time, error) {
	for len(r.data) == 0 {
		if r.buffer != nil {
			r.buffers.Put(r.buffer)
			r.buffer = nil
		}
		if err := r.read(); err != nil {
			return nil, netip.AddrPort{}, time.Time{}, err
		}
	}
	return r.cut(), r.from, r.at, nil
}

// read waits for the next arrival. It holds no buffer while it waits.
func (r *receiver) read() error {
	var fault error
	err := r.raw.Read(func(fd uintptr) (done bool) {
		buffer, ok := r.buffers.Get().(*[readSize]byte)
		if !ok {
			buffer = new([readSize]byte)
		}
		n, oobn, _, from, err := unix.Recvmsg(int(fd), buffer[:], r.oob[:], 0)
		if err != nil {
			r.buffers.Put(buffer)
			if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
				return false
			}
			fault = fmt.Errorf("receive: %w", err)
			return true
		}
		r.buffer = buffer
		r.arrival = arrival{data: buffer[:n], segment: n, from: addrPort(from), at: time.Now()}
		r.readControl(r.oob[:oobn])
		return true
	})
	return errors.Join(err, fault)
}

// readControl takes the segment size and the count of drops from the control
// messages of a read.
func (r *receiver) readControl(oob []byte) {
	for len(oob) >= unix.SizeofCmsghdr {
		header, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil || len(data) < 4 {
			return
		}
		value := binary.NativeEndian.Uint32(data)
		switch {
		case header.Level == unix.IPPROTO_UDP && header.Type == unix.UDP_GRO && value > 0:
			r.segment = int(value)
		case header.Level == unix.SOL_SOCKET && header.Type == unix.SO_RXQ_OVFL:
			r.dropped.Store(value)
		}
		oob = rest
	}
}

func addrPort(from unix.Sockaddr) netip.AddrPort {
	switch from := from.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(from.Addr), uint16(from.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(from.Addr), uint16(from.Port))
	}
	return netip.AddrPort{}
}

// processCPU returns the processor time that this process has used.
func processCPU() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
