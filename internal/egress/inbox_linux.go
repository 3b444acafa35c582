package egress

import (
	"net/netip"
	"os"
	"strconv"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	inboxPackets = 32   // datagrams read by one system call at most
	inboxSize    = 2048 // bytes of a datagram; a longer one is cut
)

// inbox reads datagrams by the batch and hands them out one by one. A publisher's
// picture comes as a burst, and who reads it a packet at a time wakes up as often.
type inbox struct {
	mu sync.Mutex // held while waiting: there is one reader at a time
	// messages[next:count] were received and not handed out.
	next, count int
	messages    [inboxPackets]message
	vectors     [inboxPackets]unix.Iovec
	names       [inboxPackets]unix.RawSockaddrInet6
	data        [inboxPackets][inboxSize]byte

	receive func(fd uintptr) (done bool) // method value, made once
	err     error                        // of receive
}

func newInbox() *inbox {
	in := &inbox{}
	for i := range in.messages {
		in.vectors[i].Base = &in.data[i][0]
		in.vectors[i].SetLen(inboxSize)
		h := &in.messages[i].header
		h.Name = (*byte)(unsafe.Pointer(&in.names[i]))
		h.Iov = &in.vectors[i]
		h.SetIovlen(1)
	}
	in.receive = in.run
	return in
}

// run receives what is there without waiting; done is false when there is nothing.
func (in *inbox) run(fd uintptr) (done bool) {
	for i := range in.messages {
		in.messages[i].header.Namelen = unix.SizeofSockaddrInet6
	}
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&in.messages[0])),
			inboxPackets, unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			in.next, in.count, in.err = 0, int(n), nil
			return true
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		default:
			in.next, in.count, in.err = 0, 0, os.NewSyscallError("recvmmsg", errno)
			return true
		}
	}
}

// read waits for a datagram and copies it, as far as it fits, to b.
func (c *Conn) read(b []byte) (int, netip.AddrPort, error) {
	in := c.in
	in.mu.Lock()
	defer in.mu.Unlock()
	for in.next == in.count {
		if err := c.os.raw.Read(in.receive); err != nil {
			return 0, netip.AddrPort{}, err
		}
		if in.err != nil {
			return 0, netip.AddrPort{}, in.err
		}
	}
	i := in.next
	in.next++
	return copy(b, in.data[i][:in.messages[i].length]), address(&in.names[i]), nil
}

// address reads what the kernel says about a sender.
func address(raw *unix.RawSockaddrInet6) netip.AddrPort {
	if raw.Family == unix.AF_INET {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(raw))
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), networkOrder(v4.Port))
	}
	ip := netip.AddrFrom16(raw.Addr)
	if raw.Scope_id != 0 {
		ip = ip.WithZone(strconv.FormatUint(uint64(raw.Scope_id), 10))
	}
	return netip.AddrPortFrom(ip, networkOrder(raw.Port))
}
