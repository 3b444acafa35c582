package egress

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// system is the socket as the kernel knows it.
type system struct {
	raw  syscall.RawConn
	ipv6 bool // the socket's family; IPv4 destinations are mapped then
}

func newSystem(udp *net.UDPConn) (system, error) {
	raw, err := udp.SyscallConn()
	if err != nil {
		return system{}, err
	}
	s := system{raw: raw}
	var family int
	controlErr := raw.Control(func(fd uintptr) {
		family, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN)
	})
	s.ipv6 = family == unix.AF_INET6
	return s, errors.Join(controlErr, err)
}

// probe asks the kernel whether it knows UDP_SEGMENT.
func (s system) probe() Mode {
	err := error(unix.EINVAL)
	controlErr := s.raw.Control(func(fd uintptr) {
		_, err = unix.GetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT)
	})
	if errors.Join(controlErr, err) != nil {
		return Multiple
	}
	return Segmented
}

// target is a destination as the kernel knows it. It is prepared once, so that
// sending allocates nothing. It is guarded by Destination.mu.
type target struct {
	name     socketAddress
	control  []byte // the UDP_SEGMENT control message
	header   unix.Msghdr
	vector   unix.Iovec
	messages []message
	vectors  []unix.Iovec

	// Arguments and results of the functions that run with the file descriptor.
	attempt func(fd uintptr)
	d       *Destination
	mode    Mode
	from    int // first packet to send
	sent    int // packets sent
	err     error
}

// message is the kernel's struct mmsghdr.
type message struct {
	header unix.Msghdr
	length uint32
}

func (s system) target(addr netip.AddrPort) target {
	return target{name: s.name(addr), control: segmentControl()}
}

// socketAddress is an address as the kernel wants it: a sockaddr_in or sockaddr_in6.
type socketAddress struct {
	bytes  [unix.SizeofSockaddrInet6]byte
	length uint32
}

// name returns addr as an address of the socket's family.
func (s system) name(addr netip.AddrPort) (name socketAddress) {
	ip := addr.Addr()
	if ip.Is4() && !s.ipv6 {
		raw := unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: ip.As4(), Port: networkOrder(addr.Port())}
		name.length = unix.SizeofSockaddrInet4
		copy(name.bytes[:], unsafe.Slice((*byte)(unsafe.Pointer(&raw)), unix.SizeofSockaddrInet4))
		return name
	}
	raw := unix.RawSockaddrInet6{
		Family: unix.AF_INET6, Addr: ip.As16(), Port: networkOrder(addr.Port()), Scope_id: zoneID(ip.Zone()),
	}
	name.length = unix.SizeofSockaddrInet6
	copy(name.bytes[:], unsafe.Slice((*byte)(unsafe.Pointer(&raw)), unix.SizeofSockaddrInet6))
	return name
}

// write sends one datagram now or not at all.
func (s system) write(b []byte, addr netip.AddrPort) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	call, _ := sendCalls.Get().(*sendCall)
	defer sendCalls.Put(call)
	call.data, call.name = b, s.name(addr)
	err := s.raw.Control(call.attempt)
	call.data = nil
	switch {
	case err != nil:
		return 0, err
	case call.errno == unix.EAGAIN || call.errno == unix.ENOBUFS:
		return 0, ErrBufferFull
	case call.errno != 0:
		return 0, os.NewSyscallError("sendto", call.errno)
	}
	return len(b), nil
}

// sendCall is a sendto with its arguments and result, in a form that can be used again.
type sendCall struct {
	data    []byte
	name    socketAddress
	errno   unix.Errno
	attempt func(fd uintptr)
}

var sendCalls = sync.Pool{New: func() any { //nolint:gochecknoglobals // a cache
	c := &sendCall{}
	c.attempt = c.run
	return c
}}

func (c *sendCall) run(fd uintptr) {
	_, _, c.errno = unix.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&c.data[0])), uintptr(len(c.data)),
		sendFlags, uintptr(unsafe.Pointer(&c.name.bytes[0])), uintptr(c.name.length))
}

// sendFlags keep a call from waiting. The calls are raw ones, which the Go
// scheduler is not told of: it would wake its monitor thread each time, on a quiet
// machine a fifth of all processor time, to watch over calls that never block.
const sendFlags = unix.MSG_DONTWAIT | unix.MSG_NOSIGNAL

// networkOrder turns a port into a number whose bytes in memory are in network
// order, and back.
func networkOrder(port uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], port)
	return binary.NativeEndian.Uint16(b[:])
}

func zoneID(zone string) uint32 {
	if zone == "" {
		return 0
	}
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n)
	}
	if i, err := net.InterfaceByName(zone); err == nil {
		return uint32(i.Index) //nolint:gosec // an interface index
	}
	return 0
}

// segmentControl returns a control message for UDP_SEGMENT with room for the size.
func segmentControl() []byte {
	b := make([]byte, unix.CmsgSpace(2))
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	h.Level = unix.SOL_UDP
	h.Type = unix.UDP_SEGMENT
	h.SetLen(unix.CmsgLen(2))
	return b
}

// transmit sends the batch the best way there is and returns how many packets
// left. RawConn.Control is used instead of Write: it neither waits when the
// buffer is full nor lets senders wait for one another.
func (d *Destination) transmit() (sent int, err error) {
	t := &d.os
	if t.attempt == nil {
		t.d = d
		t.attempt = t.run
	}
	t.from, t.sent = 0, 0
	t.mode = d.conn.Mode()
	if d.single && t.mode == Segmented {
		t.mode = Multiple
	}
	for {
		t.err = nil
		if err := d.conn.os.raw.Control(t.attempt); err != nil {
			return t.sent, err
		}
		if t.err == nil && t.sent == d.count {
			return t.sent, nil
		}
		if t.err != nil && !d.fallBack() {
			if errors.Is(t.err, unix.EAGAIN) || errors.Is(t.err, unix.ENOBUFS) {
				return t.sent, ErrBufferFull
			}
			return t.sent, t.err
		}
	}
}

// fallBack chooses a simpler mode after an error that a mode can have caused:
// EIO comes from a network card without checksum offload, EINVAL from a path
// whose MTU is smaller than a segment.
func (d *Destination) fallBack() bool {
	t := &d.os
	switch {
	case t.mode == Segmented && errors.Is(t.err, unix.EIO):
		d.conn.mode.CompareAndSwap(uint32(Segmented), uint32(Multiple))
		t.mode = Multiple
	case t.mode == Segmented && (errors.Is(t.err, unix.EINVAL) || errors.Is(t.err, unix.EMSGSIZE)):
		d.single = true
		t.mode = Multiple
	case t.mode == Multiple && (errors.Is(t.err, unix.ENOSYS) || errors.Is(t.err, unix.EOPNOTSUPP)):
		d.conn.mode.Store(uint32(Plain))
		t.mode = Plain
	default:
		return false
	}
	return true
}

// run makes one system call.
func (t *target) run(fd uintptr) {
	switch {
	case t.mode == Segmented && t.d.count > 1:
		t.runSegmented(fd)
	case t.mode == Multiple && t.d.count-t.sent > 1:
		t.runMultiple(fd)
	default:
		if t.err = t.sendmsg(fd, t.d.segment(t.sent), nil); t.err == nil {
			t.sent++
		}
	}
}

func (t *target) runSegmented(fd uintptr) {
	d := t.d
	binary.NativeEndian.PutUint16(t.control[unix.CmsgLen(0):], uint16(d.size)) //nolint:gosec // below maxBatch
	if t.err = t.sendmsg(fd, d.buffer[:d.length], t.control); t.err == nil {
		t.sent = d.count
	}
}

// sendmsg sends data to the target with one system call.
func (t *target) sendmsg(fd uintptr, data, control []byte) error {
	t.vector.Base = &data[0]
	t.vector.SetLen(len(data))
	h := &t.header
	h.Name, h.Namelen, h.Iov = &t.name.bytes[0], t.name.length, &t.vector
	h.SetIovlen(1)
	h.Control = nil
	if len(control) > 0 {
		h.Control = &control[0]
	}
	h.SetControllen(len(control))
	_, _, errno := unix.RawSyscall(unix.SYS_SENDMSG, fd, uintptr(unsafe.Pointer(h)), sendFlags)
	t.vector.Base = nil // the buffer goes to the next sender
	if errno != 0 {
		return errno
	}
	return nil
}

func (t *target) runMultiple(fd uintptr) {
	d := t.d
	t.messages, t.vectors = t.messages[:0], t.vectors[:0]
	if cap(t.messages) < maxSegments {
		t.messages, t.vectors = make([]message, 0, maxSegments), make([]unix.Iovec, 0, maxSegments)
	}
	for i := t.sent; i < d.count; i++ {
		segment := d.segment(i)
		t.vectors = append(t.vectors, unix.Iovec{Base: &segment[0]})
		v := &t.vectors[len(t.vectors)-1]
		v.SetLen(len(segment))
		m := message{header: unix.Msghdr{Name: &t.name.bytes[0], Namelen: t.name.length, Iov: v}}
		m.header.SetIovlen(1)
		t.messages = append(t.messages, m)
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&t.messages[0])),
		uintptr(len(t.messages)), sendFlags, 0, 0)
	if errno != 0 {
		t.err = errno
		return
	}
	t.sent += int(n)
}
