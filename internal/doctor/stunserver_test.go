package doctor

import (
	"net"
	"net/netip"
	"testing"

	"github.com/pion/stun/v4"
)

// stunServer is a STUN server for tests. With four sockets, two addresses with two
// ports each, it does what RFC 5780 asks for.
type stunServer struct {
	t       testing.TB
	sockets [2][2]net.PacketConn // by address, by port; only the first without RFC 5780
	full    bool
}

// serve answers until the sockets are closed.
func (s *stunServer) serve() {
	for a := range s.sockets {
		for p, conn := range s.sockets[a] {
			if conn == nil {
				continue
			}
			done := make(chan struct{})
			go func() { defer close(done); s.read(conn, a, p) }()
			s.t.Cleanup(func() { _ = conn.Close(); <-done })
		}
	}
}

func (s *stunServer) read(conn net.PacketConn, a, p int) {
	buf := make([]byte, 1500)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		m := &stun.Message{Raw: append([]byte(nil), buf[:n]...)}
		if m.Decode() != nil || m.Type != stun.BindingRequest {
			continue
		}
		s.answer(m, from, a, p)
	}
}

// answer answers a request that came to one of the sockets, from the one that it asks for.
func (s *stunServer) answer(m *stun.Message, from net.Addr, a, p int) {
	client := from.(*net.UDPAddr)
	setters := []stun.Setter{m, stun.BindingSuccess, &stun.XORMappedAddress{IP: client.IP, Port: client.Port}}
	if s.full {
		other := s.sockets[1-a][1-p].LocalAddr().(*net.UDPAddr)
		setters = append(setters, &stun.OtherAddress{IP: other.IP, Port: other.Port})
		if flags, err := m.Get(stun.AttrChangeRequest); err == nil && len(flags) == 4 {
			if flags[3]&changeIP != 0 {
				a = 1 - a
			}
			if flags[3]&changePort != 0 {
				p = 1 - p
			}
		}
	}
	response, err := stun.Build(setters...)
	if err != nil {
		s.t.Errorf("answer: %v", err)
		return
	}
	_, _ = s.sockets[a][p].WriteTo(response.Raw, from) // a closed socket ends the test
}

// loopbackServer is one without RFC 5780 on loopback.
func loopbackServer(t *testing.T) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	s := &stunServer{t: t}
	s.sockets[0][0] = conn
	s.serve()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}
