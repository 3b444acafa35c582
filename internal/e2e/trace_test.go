//go:build e2e && linux

package e2e_test

import (
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/pion/rtp"
	"golang.org/x/sys/unix"
)

// captureTimeURI names the header extension that tells when a picture was taken.
const captureTimeURI = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"

// stampedSocket is a UDP socket that shows the RTP packets it receives, with the
// time at which the kernel got them: however late a busy test is to read them,
// that time is right.
type stampedSocket struct {
	*net.UDPConn
	see func(packet []byte, at time.Time)
}

// listenStamped opens a socket on an address of this machine, or of the one
// whose inside it is called in.
func listenStamped(t testing.TB, ip net.IP) *stampedSocket {
	t.Helper()
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: ip})
	if err != nil {
		t.Fatalf("open a socket: %v", err)
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		t.Fatalf("open a socket: %v", err)
	}
	var fault error
	err = raw.Control(func(fd uintptr) {
		fault = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	})
	if err != nil || fault != nil {
		t.Fatalf("ask for the times of arrival: %v, %v", err, fault)
	}
	// A keyframe of a busy moment must not be lost for want of room here. FORCE,
	// because the limit of a new namespace is a low one.
	err = raw.Control(func(fd uintptr) {
		fault = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4<<20)
	})
	if err != nil || fault != nil {
		if err := socket.SetReadBuffer(1 << 20); err != nil {
			t.Fatalf("make room for packets: %v", err)
		}
	}
	return &stampedSocket{UDPConn: socket, see: func([]byte, time.Time) {}}
}

// ReadFrom reads one datagram and shows it if it is RTP.
func (s *stampedSocket) ReadFrom(b []byte) (int, net.Addr, error) {
	var control [64]byte
	n, controlN, _, from, err := s.ReadMsgUDP(b, control[:])
	if err != nil {
		return n, nil, err
	}
	// RTP, and not STUN, DTLS (RFC 7983) or RTCP (RFC 5761).
	if n >= 12 && b[0]&0xC0 == 0x80 && (b[1] < 192 || b[1] > 223) {
		s.see(b[:n], kernelTime(control[:controlN]))
	}
	return n, from, nil
}

// kernelTime is the time of arrival in a control message, or now.
func kernelTime(control []byte) time.Time {
	header, data, _, err := unix.ParseOneSocketControlMessage(control)
	if err != nil || header.Type != unix.SO_TIMESTAMPNS || len(data) < int(unsafe.Sizeof(unix.Timespec{})) {
		return time.Now()
	}
	return time.Unix((*unix.Timespec)(unsafe.Pointer(&data[0])).Unix())
}

// arrival is one packet that came.
type arrival struct {
	number    int64 // its sequence number without wrap-around
	timestamp uint32
	marker    bool
	captured  time.Time // when its picture was taken; zero: it does not tell
	at        time.Time
}

// trace remembers the packets of one viewer, by SSRC. Safe for concurrent use.
type trace struct {
	mu      sync.Mutex
	capture uint8                // id of the capture time's header extension
	packets map[uint32][]arrival // in the order of their arrival
}

// add remembers a packet; only its header is looked at.
func (tr *trace) add(packet []byte, at time.Time) {
	var h rtp.Header
	if _, err := h.Unmarshal(packet); err != nil {
		return
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if tr.packets == nil {
		tr.packets = make(map[uint32][]arrival)
	}
	before := tr.packets[h.SSRC]
	a := arrival{timestamp: h.Timestamp, marker: h.Marker, at: at, number: int64(h.SequenceNumber) + 1<<16}
	if len(before) > 0 {
		last := before[len(before)-1].number
		a.number = last + int64(int16(h.SequenceNumber-uint16(last))) // RFC 3550 appendix A.1
	}
	if value := h.GetExtension(tr.capture); tr.capture != 0 && len(value) >= 8 {
		var capture rtp.AbsCaptureTimeExtension
		if capture.Unmarshal(value) == nil {
			a.captured = capture.CaptureTime()
		}
	}
	tr.packets[h.SSRC] = append(before, a)
}

// between returns what came of an SSRC in a period.
func (tr *trace) between(ssrc uint32, from, to time.Time) []arrival {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(tr.packets[ssrc]), func(a arrival) bool {
		return a.at.Before(from) || !a.at.Before(to)
	})
}

// service is what a viewer got in a period.
type service struct {
	packets, missing int
	pictures         int
	delays           []time.Duration // from a picture's capture to its last packet, sorted
	seconds          float64
}

// serviceOf sums up what came in a period.
func serviceOf(packets []arrival, period time.Duration) service {
	s := service{seconds: period.Seconds()}
	seen := make(map[int64]bool, len(packets))
	var low, high int64
	for i, p := range packets {
		if i == 0 {
			low, high = p.number, p.number
		}
		low, high = min(low, p.number), max(high, p.number)
		seen[p.number] = true
		if p.marker {
			s.pictures++
		}
		if !p.captured.IsZero() {
			s.delays = append(s.delays, p.at.Sub(p.captured))
		}
	}
	s.packets = len(seen)
	if len(seen) > 0 {
		s.missing = int(high-low) + 1 - len(seen)
	}
	slices.Sort(s.delays)
	return s
}

// lossPercent is the share of packets that did not come.
func (s service) lossPercent() float64 {
	return 100 * float64(s.missing) / float64(max(1, s.packets+s.missing))
}

func (s service) String() string {
	text := fmt.Sprintf("%.1f pictures a second, %d of %d packets missing", float64(s.pictures)/s.seconds, s.missing, s.packets+s.missing)
	if len(s.delays) > 0 {
		text += fmt.Sprintf(", delay median %v, p95 %v, most %v", quantile(s.delays, 0.5).Round(100*time.Microsecond),
			quantile(s.delays, 0.95).Round(100*time.Microsecond), quantile(s.delays, 1).Round(100*time.Microsecond))
	}
	return text
}
