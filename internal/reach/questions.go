package reach

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/stun/v4"
)

// Retransmission of a STUN request over UDP (RFC 8489 section 6.2.1): the initial
// time-out, which doubles with each request, how many requests there are (Rc),
// and how many initial time-outs the last of them is waited for (Rm).
const (
	stunRTO      = 500 * time.Millisecond
	stunRequests = 7
	stunLastWait = 16 * stunRTO
)

var (
	errNoMapping = errors.New("the answer holds no usable address")
	errNoAnswer  = errors.New("no answer")
	// ErrClosed ends what was asked.
	ErrClosed = errors.New("closed")
)

// STUNAnswer is what a STUN server told.
type STUNAnswer struct {
	// Mapped is the address that the server saw our media socket under.
	Mapped netip.AddrPort
	// RTT is the time from the first request to the answer: more than the round
	// trip when requests had to be repeated.
	RTT time.Duration
	// Requests is how many were sent, 1 unless the answer took longer than 500 ms.
	Requests int
}

// Questions are the STUN transactions that this side began on the media
// socket. Their answers are picked out of what arrives there.
type Questions struct {
	closed    chan struct{}
	closeOnce sync.Once

	// count is the size of open, so that connectivity checks of clients, which
	// look the same, cost no lock while nothing is asked.
	count atomic.Int32
	mu    sync.Mutex
	open  map[[stun.TransactionIDSize]byte]stunQuestion // guarded by mu
}

type stunQuestion struct {
	server netip.AddrPort
	answer chan *stun.Message // holds one
}

// NewQuestions makes Questions, which Close ends.
func NewQuestions() *Questions {
	return &Questions{closed: make(chan struct{}), open: make(map[[stun.TransactionIDSize]byte]stunQuestion)}
}

// Close ends the transactions that are under way. Closing twice is harmless.
func (q *Questions) Close() { q.closeOnce.Do(func() { close(q.closed) }) }

// Ask runs one Binding transaction, whose requests send writes: with the retransmissions of
// RFC 8489 section 6.2.1, over when the answer comes, when ctx ends, or after 39.5 s. It
// returns ErrClosed after Close.
func (q *Questions) Ask(ctx context.Context, server netip.AddrPort, send func([]byte) error) (STUNAnswer, error) {
	request, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.Fingerprint)
	if err != nil {
		return STUNAnswer{}, fmt.Errorf("build the request: %w", err)
	}
	question := stunQuestion{server: server, answer: make(chan *stun.Message, 1)}
	q.add(request.TransactionID, question)
	defer q.remove(request.TransactionID)

	begin, wait := time.Now(), stunRTO
	timer := time.NewTimer(0)
	defer timer.Stop()
	for sent := 0; ; {
		select {
		case message := <-question.answer:
			mapped, err := mappedAddress(message)
			return STUNAnswer{Mapped: mapped, RTT: time.Since(begin), Requests: sent}, err
		case <-q.closed:
			return STUNAnswer{}, ErrClosed
		case <-ctx.Done():
			return STUNAnswer{}, fmt.Errorf("%w to %d requests: %w", errNoAnswer, sent, context.Cause(ctx))
		case <-timer.C:
		}
		if sent == stunRequests {
			return STUNAnswer{}, fmt.Errorf("%w to %d requests", errNoAnswer, sent)
		}
		if err := send(request.Raw); err != nil {
			return STUNAnswer{}, fmt.Errorf("send: %w", err)
		}
		sent++
		if sent == stunRequests {
			wait = stunLastWait
		}
		timer.Reset(wait)
		wait *= 2
	}
}

func (q *Questions) add(id [stun.TransactionIDSize]byte, question stunQuestion) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.open[id] = question
	q.count.Store(int32(len(q.open))) //nolint:gosec // one per configured server
}

func (q *Questions) remove(id [stun.TransactionIDSize]byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.open, id)
	q.count.Store(int32(len(q.open))) //nolint:gosec // one per configured server
}

// Take says whether a packet answers one of the questions, and keeps a copy of it
// if so. The source must be the server: an answer from elsewhere is none.
func (q *Questions) Take(packet []byte, from netip.AddrPort) bool {
	const headerSize = 20
	if q.count.Load() == 0 || len(packet) < headerSize || packet[0] != 1 || !stun.IsMessage(packet) {
		return false // the class of every answer has the bit 0x0100 set
	}
	question, ok := q.find([stun.TransactionIDSize]byte(packet[8:headerSize]))
	if !ok || question.server != from {
		return false
	}
	message := &stun.Message{Raw: append([]byte(nil), packet...)}
	if message.Decode() != nil {
		return false
	}
	select {
	case question.answer <- message:
	default: // the answer to a repeated request
	}
	return true
}

func (q *Questions) find(id [stun.TransactionIDSize]byte) (stunQuestion, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	question, ok := q.open[id]
	return question, ok
}

// mappedAddress reads a Binding answer, of a server that may be as old as RFC 3489.
func mappedAddress(message *stun.Message) (netip.AddrPort, error) {
	if message.Type.Class == stun.ClassErrorResponse {
		var code stun.ErrorCodeAttribute
		if code.GetFrom(message) != nil {
			return netip.AddrPort{}, errors.New("the server refused")
		}
		return netip.AddrPort{}, fmt.Errorf("the server refused: %s", code)
	}
	var mapped stun.XORMappedAddress
	if mapped.GetFrom(message) != nil {
		var plain stun.MappedAddress
		if plain.GetFrom(message) != nil {
			return netip.AddrPort{}, errNoMapping
		}
		mapped.IP, mapped.Port = plain.IP, plain.Port
	}
	addr, ok := netip.AddrFromSlice(mapped.IP)
	if !ok || mapped.Port <= 0 || mapped.Port > 65535 {
		return netip.AddrPort{}, errNoMapping
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(mapped.Port)), nil // checked above
}
