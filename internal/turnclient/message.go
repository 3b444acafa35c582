package turnclient

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/stun/v4"
)

// allocationLifetime is the least that servers have to accept (RFC 8656 section 7.2).
const allocationLifetime = 10 * time.Minute

// lifetime is the LIFETIME attribute (RFC 8656 section 18.2).
type lifetime time.Duration

// AddTo implements stun.Setter.
func (l lifetime) AddTo(m *stun.Message) error {
	m.Add(stun.AttrLifetime, binary.BigEndian.AppendUint32(nil, uint32(time.Duration(l)/time.Second)))
	return nil
}

// channelNumber is the CHANNEL-NUMBER attribute (RFC 8656 section 18.1).
type channelNumber uint16

// AddTo implements stun.Setter.
func (c channelNumber) AddTo(m *stun.Message) error {
	m.Add(stun.AttrChannelNumber, []byte{byte(c >> 8), byte(c), 0, 0})
	return nil
}

// peerAddress is the XOR-PEER-ADDRESS attribute (RFC 8656 section 18.3).
type peerAddress netip.AddrPort

// AddTo implements stun.Setter.
func (p peerAddress) AddTo(m *stun.Message) error {
	addr := netip.AddrPort(p)
	return stun.XORMappedAddress{IP: addr.Addr().AsSlice(), Port: int(addr.Port())}.AddToAs(m, stun.AttrXORPeerAddress)
}

// GetFrom reads the attribute.
func (p *peerAddress) GetFrom(m *stun.Message) error {
	var x stun.XORMappedAddress
	if err := x.GetFromAs(m, stun.AttrXORPeerAddress); err != nil {
		return err
	}
	ip, ok := netip.AddrFromSlice(x.IP)
	if !ok {
		return errors.New("the peer's address is none")
	}
	*p = peerAddress(netip.AddrPortFrom(ip.Unmap(), uint16(x.Port))) //nolint:gosec // read from 16 bits
	return nil
}

// refusal is an error response.
type refusal struct {
	code   stun.ErrorCode
	reason string
}

func (r *refusal) Error() string { return fmt.Sprintf("the server answers %d %s", r.code, r.reason) }

// staleRetries is how often a request is repeated with a fresh nonce.
const staleRetries = 3

// transact makes a request and waits until the server has done it. The error is a
// *refusal, or says that there was no answer.
func (a *Allocation) transact(method stun.Method, attributes ...stun.Setter) error {
	realm := a.client.Realm()
	for try := 0; ; try++ {
		setters := append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}, attributes...)
		setters = append(setters, a.username, realm)
		if nonce := a.nonce.Load(); nonce != nil {
			setters = append(setters, *nonce)
		}
		setters = append(setters, stun.NewLongTermIntegrity(a.username.String(), realm.String(), a.password), stun.Fingerprint)
		request, err := stun.Build(setters...)
		if err != nil {
			return fmt.Errorf("write the request: %w", err)
		}
		result, err := a.client.PerformTransaction(request, a.server, false)
		if err != nil {
			return fmt.Errorf("no answer: %w", err)
		}
		if result.Msg.Type.Class != stun.ClassErrorResponse {
			return nil
		}
		var code stun.ErrorCodeAttribute
		if err := code.GetFrom(result.Msg); err != nil {
			return &refusal{reason: "an error without a code"}
		}
		if code.Code != stun.CodeStaleNonce || try == staleRetries { // the reader has taken the new one
			return &refusal{code.Code, string(code.Reason)}
		}
	}
}

// control takes a message that is no data: responses, from which it also learns the
// nonce.
func (a *Allocation) control(message []byte) {
	if !stun.IsMessage(message) {
		return
	}
	m := &stun.Message{Raw: append([]byte(nil), message...)}
	if m.Decode() != nil {
		return
	}
	var nonce stun.Nonce
	if nonce.GetFrom(m) == nil {
		a.nonce.Store(&nonce)
	}
	_, _ = a.client.HandleInbound(message, a.server) // what is of no use to it is of no use
}

// dataIndication is the type of messages that carry a packet of a peer without a
// channel.
var dataIndication = stun.NewType(stun.MethodData, stun.ClassIndication) //nolint:gochecknoglobals // constant

// ReadFromAddrPort returns the next packet of a peer. Its error is the allocation's end.
func (a *Allocation) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	for {
		n, err := a.link.read(b)
		if err != nil {
			a.fail(fmt.Errorf("%w: read: %w", ErrLost, err)) // unless there is a reason already
			return 0, netip.AddrPort{}, fmt.Errorf("%w: %w", net.ErrClosed, a.Err())
		}
		message := b[:n]
		switch {
		case n >= 4 && message[0]>>6 == 1: // ChannelData (RFC 8656 section 12.4)
			length := int(binary.BigEndian.Uint16(message[2:]))
			from, ok := a.peers.byNumber(channelNumber(binary.BigEndian.Uint16(message)))
			if ok && 4+length <= n {
				return copy(b, message[4:4+length]), from, nil
			}
		case n >= 20 && binary.BigEndian.Uint16(message) == dataIndication.Value():
			if from, data, err := readIndication(message); err == nil {
				return copy(b, data), from, nil
			}
		default:
			a.control(message)
		}
	}
}

// ReadFrom is ReadFromAddrPort for net.PacketConn.
func (a *Allocation) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := a.ReadFromAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

func readIndication(message []byte) (netip.AddrPort, []byte, error) {
	m := &stun.Message{Raw: message}
	if err := m.Decode(); err != nil {
		return netip.AddrPort{}, nil, err
	}
	var from peerAddress
	if err := from.GetFrom(m); err != nil {
		return netip.AddrPort{}, nil, err
	}
	data, err := m.Get(stun.AttrData)
	return netip.AddrPort(from), data, err
}

// frame is a message to the server that waits to be written.
type frame struct{ bytes []byte }

var framePool = sync.Pool{New: func() any { return &frame{bytes: make([]byte, 0, maxPacket+64)} }} //nolint:gochecknoglobals // a pool

// channelData is a packet to the peer of a channel.
func channelData(number channelNumber, packet []byte) *frame {
	f := framePool.Get().(*frame) // what New makes
	f.bytes = binary.BigEndian.AppendUint16(f.bytes[:0], uint16(number))
	f.bytes = binary.BigEndian.AppendUint16(f.bytes, uint16(len(packet))) //nolint:gosec // at most maxPacket
	f.bytes = append(f.bytes, packet...)
	return f
}

// indication is a packet to a peer without a channel.
func indication(to netip.AddrPort, packet []byte) (*frame, error) {
	m, err := stun.Build(stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication), peerAddress(to),
		stun.RawAttribute{Type: stun.AttrData, Value: packet})
	if err != nil {
		return nil, fmt.Errorf("write an indication: %w", err)
	}
	f := framePool.Get().(*frame) // what New makes
	f.bytes = append(f.bytes[:0], m.Raw...)
	return f, nil
}
