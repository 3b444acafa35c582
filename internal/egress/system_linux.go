package egress

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strconv"
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

// reach returns addr in the form that a write to this socket takes.
func (s system) reach(addr netip.AddrPort) netip.AddrPort { return addr }

// target is a destination as the kernel knows it. It is prepared once, so that
// sending allocates nothing. It is guarded by Destination.mu.
type target struct {
	sockaddr unix.Sockaddr
	name     [unix.SizeofSockaddrInet6]byte // the same for sendmmsg
	nameLen  uint32
	control  []byte // the UDP_SEGMENT control message
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
	t := target{control: segmentControl()}
	ip := addr.Addr()
	if ip.Is4() && !s.ipv6 {
		t.sockaddr = &unix.SockaddrInet4{Port: int(addr.Port()), Addr: ip.As4()}
		t.nameLen = unix.SizeofSockaddrInet4
		raw := unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: ip.As4()}
		raw.Port = networkOrder(addr.Port())
		copy(t.name[:], unsafe.Slice((*byte)(unsafe.Pointer(&raw)), unix.SizeofSockaddrInet4))
		return t
	}
	zone := zoneID(ip.Zone())
	t.sockaddr = &unix.SockaddrInet6{Port: int(addr.Port()), Addr: ip.As16(), ZoneId: zone}
	t.nameLen = unix.SizeofSockaddrInet6
	raw := unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: ip.As16(), Scope_id: zone}
	raw.Port = networkOrder(addr.Port())
	copy(t.name[:], unsafe.Slice((*byte)(unsafe.Pointer(&raw)), unix.SizeofSockaddrInet6))
	return t
}

// networkOrder returns a port whose bytes in memory are in network order.
func networkOrder(port uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, port))
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
		t.runSegmented(int(fd))
	case t.mode == Multiple && t.d.count-t.sent > 1:
		t.runMultiple(fd)
	default:
		_, t.err = unix.SendmsgN(int(fd), t.d.segment(t.sent), nil, t.sockaddr, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		if t.err == nil {
			t.sent++
		}
	}
}

func (t *target) runSegmented(fd int) {
	d := t.d
	binary.NativeEndian.PutUint16(t.control[unix.CmsgLen(0):], uint16(d.size)) //nolint:gosec // below maxBatch
	_, t.err = unix.SendmsgN(fd, d.buffer[:d.length], t.control, t.sockaddr, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	if t.err == nil {
		t.sent = d.count
	}
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
		m := message{header: unix.Msghdr{Name: &t.name[0], Namelen: t.nameLen, Iov: v}}
		m.header.SetIovlen(1)
		t.messages = append(t.messages, m)
	}
	n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&t.messages[0])),
		uintptr(len(t.messages)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		t.err = errno
		return
	}
	t.sent += int(n)
}
