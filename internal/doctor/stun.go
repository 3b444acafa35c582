package doctor

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/pion/stun/v4"

	"porthole/internal/iceserver"
)

// Flags of CHANGE-REQUEST (RFC 5780 7.2): where the answer is to come from.
const (
	changePort = 2
	changeIP   = 4
)

// errNoAnswer is what a question ends with that nobody answers.
var errNoAnswer = errors.New("no answer")

// answer is what a STUN server told.
type answer struct {
	mapped netip.AddrPort // how it sees us
	other  netip.AddrPort // its other address and port (RFC 5780 7.4); invalid without
	rtt    time.Duration
}

// questions are when a request is sent (RFC 8489 6.2.1), and when it is given up.
type questions struct {
	at     []time.Duration
	within time.Duration
}

func usualQuestions() questions {
	return questions{at: []time.Duration{0, 500 * time.Millisecond, 1500 * time.Millisecond}, within: 2500 * time.Millisecond}
}

// hurriedQuestions are for answers that are expected not to come.
func hurriedQuestions() questions {
	return questions{at: []time.Duration{0, 300 * time.Millisecond, 700 * time.Millisecond}, within: 1200 * time.Millisecond}
}

// ask makes one transaction from conn, of which nobody else reads meanwhile. change
// are flags of CHANGE-REQUEST.
func (q questions) ask(ctx context.Context, conn net.PacketConn, server netip.AddrPort, change uint32) (answer, error) {
	setters := []stun.Setter{stun.TransactionID, stun.BindingRequest}
	if change != 0 {
		setters = append(setters, stun.RawAttribute{
			Type: stun.AttrChangeRequest, Value: binary.BigEndian.AppendUint32(nil, change),
		})
	}
	request, err := stun.Build(append(setters, stun.Fingerprint)...)
	if err != nil {
		return answer{}, fmt.Errorf("write the question: %w", err)
	}
	begin := time.Now()
	for i, at := range q.at {
		if _, err = conn.WriteTo(request.Raw, net.UDPAddrFromAddrPort(server)); err != nil {
			return answer{}, fmt.Errorf("ask %s: %w", server, err)
		}
		until := begin.Add(q.within)
		if i+1 < len(q.at) {
			until = begin.Add(q.at[i+1])
		}
		a, err := listenFor(ctx, conn, request.TransactionID, until)
		if err == nil {
			a.rtt = time.Since(begin) - at
			return a, nil
		}
		if !errors.Is(err, errNoAnswer) {
			return answer{}, fmt.Errorf("ask %s: %w", server, err)
		}
	}
	return answer{}, fmt.Errorf("ask %s: %w within %v", server, errNoAnswer, q.within)
}

// listenFor reads until the answer comes or its time is over.
func listenFor(ctx context.Context, conn net.PacketConn, id [stun.TransactionIDSize]byte, until time.Time) (answer, error) {
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(until) {
		until = deadline
	}
	if err := conn.SetReadDeadline(until); err != nil {
		return answer{}, fmt.Errorf("set deadline: %w", err)
	}
	buf := make([]byte, 1500)
	for {
		n, _, err := conn.ReadFrom(buf)
		var timeout net.Error
		switch {
		case ctx.Err() != nil:
			return answer{}, fmt.Errorf("%w: %w", errNoAnswer, context.Cause(ctx))
		case errors.As(err, &timeout) && timeout.Timeout():
			return answer{}, errNoAnswer
		case err != nil:
			return answer{}, err // the caller words it
		}
		if a, ok := readAnswer(buf[:n], id); ok {
			return a, nil
		}
	}
}

// readAnswer reads a success response to the question.
func readAnswer(packet []byte, id [stun.TransactionIDSize]byte) (answer, bool) {
	m := &stun.Message{Raw: slices.Clone(packet)}
	if !stun.IsMessage(packet) || m.Decode() != nil || m.Type != stun.BindingSuccess || m.TransactionID != id {
		return answer{}, false
	}
	var mapped stun.XORMappedAddress
	if mapped.GetFrom(m) != nil {
		var plain stun.MappedAddress // of servers before RFC 5389
		if plain.GetFrom(m) != nil {
			return answer{}, false
		}
		mapped = stun.XORMappedAddress(plain)
	}
	a := answer{mapped: addrPort(mapped.IP, mapped.Port)}
	var other stun.OtherAddress
	if other.GetFrom(m) == nil {
		a.other = addrPort(other.IP, other.Port)
	}
	return a, true
}

func addrPort(ip net.IP, port int) netip.AddrPort {
	addr, _ := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(addr.Unmap(), uint16(port)) //nolint:gosec // 16 bits on the wire
}

// resolve finds a server's address, IPv4 if it has one: that is where NATs are.
func resolve(ctx context.Context, s iceserver.Server) (netip.AddrPort, error) {
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", s.Host)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("look up %s: %w", s.Host, err)
	}
	slices.SortStableFunc(addrs, func(a, b netip.Addr) int { return a.Unmap().BitLen() - b.Unmap().BitLen() })
	return netip.AddrPortFrom(addrs[0].Unmap(), s.Port), nil
}
