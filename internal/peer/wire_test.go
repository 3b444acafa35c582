package peer_test

import (
	"sync"
	"testing"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"porthole/internal/negotiate"
	"porthole/internal/peer"
)

// wire is a client's way out below all that pion knows: whatever is sent by it is
// encrypted and leaves, under any SSRC and payload type.
type wire struct {
	interceptor.NoOp

	mu   sync.Mutex
	next interceptor.RTPWriter
}

func (w *wire) NewInterceptor(string) (interceptor.Interceptor, error) { return w, nil }

func (w *wire) BindLocalStream(_ *interceptor.StreamInfo, next interceptor.RTPWriter) interceptor.RTPWriter {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next = next
	return next
}

func (w *wire) send(t testing.TB, h rtp.Header, payload ...byte) {
	t.Helper()
	if err := w.write(h, payload); err != nil {
		t.Fatalf("send: %v", err)
	}
}

// write is send where the session may have ended.
func (w *wire) write(h rtp.Header, payload []byte) error {
	w.mu.Lock()
	next := w.next
	w.mu.Unlock()
	h.Version = 2
	_, err := next.Write(&h, payload, nil)
	return err
}

// source is one SSRC of a publisher.
type source struct {
	*wire
	rtp.Header // of the next packet
}

func (s *source) send(t testing.TB, count int) {
	t.Helper()
	for range count {
		s.wire.send(t, s.Header, 0x41, byte(s.SequenceNumber>>8), byte(s.SequenceNumber))
		s.SequenceNumber++
		s.Timestamp += 3000
	}
}

// wired is a publisher whose packets the test makes up.
type wired struct {
	*publishing
	*wire
	video, audio negotiate.Format
}

func startWired(t *testing.T, cfg peer.Config, edit func(string) string) *wired {
	t.Helper()
	w := &wire{}
	p := startPublishing(t, newEngine(t, cfg), newClient(t, clientConfig{interceptor: w}), edit)
	offer := parse(t, negotiate.Publish, p.client.LocalDescription().SDP)
	chosen := codecs(t, offer, webrtc.MimeTypeH264, webrtc.MimeTypeOpus)
	return &wired{publishing: p, wire: w, video: chosen["0"], audio: chosen["1"]}
}

// source returns a source of a codec's packets.
func (w *wired) source(codec negotiate.Format, ssrc uint32, first uint16) *source {
	return &source{w.wire, rtp.Header{SSRC: ssrc, PayloadType: codec.PayloadType, SequenceNumber: first, Marker: true}}
}
