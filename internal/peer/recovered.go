package peer

import (
	"fmt"
	"sync"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
)

// lossReporter is pion's NACK generator, which also hears of packets that came
// as retransmissions in a stream of their own (RFC 4588). pion puts those back
// among the media above its interceptors, so the generator alone would ask for
// them again and again.
type lossReporter struct {
	interceptor.Interceptor

	mu      sync.Mutex
	streams map[uint32]interceptor.RTPReader // by SSRC; guarded by mu
}

// recoveredKey is the attribute under which a recovered packet is handed through
// the generator's reader.
type recoveredKey struct{}

func newLossReporter() (*lossReporter, error) {
	factory, err := nack.NewGeneratorInterceptor(
		nack.GeneratorSize(1024), // packets of history: a second at 10 Mbit/s
		nack.GeneratorInterval(nackInterval),
		nack.GeneratorMaxNacksPerPacket(maxNacks),
		nack.GeneratorSkipLastN(2), // those may only be out of order
	)
	if err != nil {
		return nil, fmt.Errorf("set up loss reports: %w", err)
	}
	generator, err := factory.NewInterceptor("")
	if err != nil {
		return nil, fmt.Errorf("set up loss reports: %w", err)
	}
	return &lossReporter{Interceptor: generator, streams: make(map[uint32]interceptor.RTPReader)}, nil
}

// NewInterceptor lets a lossReporter be the factory of itself: it serves one
// connection only.
func (l *lossReporter) NewInterceptor(string) (interceptor.Interceptor, error) { return l, nil }

// BindRemoteStream is called by pion for each incoming stream.
func (l *lossReporter) BindRemoteStream(info *interceptor.StreamInfo, reader interceptor.RTPReader) interceptor.RTPReader {
	source := interceptor.RTPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		if packet, ok := a.Get(recoveredKey{}).([]byte); ok {
			return copy(b, packet), a, nil
		}
		return reader.Read(b, a) // transparent
	})
	bound := l.Interceptor.BindRemoteStream(info, source)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.streams[info.SSRC] = bound
	return bound
}

// UnbindRemoteStream is called by pion when a stream is over.
func (l *lossReporter) UnbindRemoteStream(info *interceptor.StreamInfo) {
	l.mu.Lock()
	delete(l.streams, info.SSRC)
	l.mu.Unlock()
	l.Interceptor.UnbindRemoteStream(info)
}

// recovered notes that a packet of a stream needs no retransmission any more.
func (l *lossReporter) recovered(ssrc uint32, packet []byte) {
	l.mu.Lock()
	stream := l.streams[ssrc]
	l.mu.Unlock()
	if stream == nil {
		return
	}
	scratch := make([]byte, len(packet))
	// It cannot fail: the packet was parsed before.
	_, _, _ = stream.Read(scratch, interceptor.Attributes{recoveredKey{}: packet})
}
