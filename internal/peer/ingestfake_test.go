package peer

import (
	"bytes"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"porthole/internal/negotiate"
)

// fakeIngest is the receiving half of a session without a connection, and the client's
// half of its encryption.
type fakeIngest struct {
	*ingest
	tb      testing.TB
	receive *crypt // to be stored in transport.crypt when there are to be keys
	sealer  *srtp.Context
}

// newFakeIngest makes one that hands the packets of one section to a writer.
func newFakeIngest(tb testing.TB, format negotiate.Format, writer PacketWriter) *fakeIngest {
	tb.Helper()
	sections := []section{{mid: "0", kind: "video", codec: format}}
	key, salt := bytes.Repeat([]byte{1}, 16), bytes.Repeat([]byte{2}, 12)
	newContext := func() *srtp.Context {
		c, err := srtp.CreateContext(key, salt, srtp.ProtectionProfileAeadAes128Gcm, srtp.SRTPReplayProtection(mediaReplayWindow))
		if err != nil {
			tb.Fatal(err)
		}
		return c
	}
	reception, err := newReception(sections)
	if err != nil {
		tb.Fatal(err)
	}
	types, err := payloadTypesOf(sections)
	if err != nil {
		tb.Fatal(err)
	}
	m, err := newMetrics(nil, nil)
	if err != nil {
		tb.Fatal(err)
	}
	in := &ingest{
		session: newConnection(&Engine{metrics: m}, &negotiate.Offer{}), transport: &mediaTransport{}, types: types, reception: reception,
		serving: true, tracks: make(map[trackKey]*inTrack), epoch: time.Now(),
		onTrack: func(RemoteTrack) (PacketWriter, error) { return writer, nil },
	}
	tb.Cleanup(func() {
		in.session.end(ErrClosed)
		in.session.workers.Wait()
	})
	return &fakeIngest{ingest: in, tb: tb, receive: &crypt{receive: newContext()}, sealer: newContext()}
}

// send encrypts a packet, into buf when it has room, and gives it to the session.
func (f *fakeIngest) send(packet *rtp.Packet, buf []byte) {
	plain, err := packet.Marshal()
	if err != nil {
		f.tb.Fatal(err)
	}
	sealed, err := f.sealer.EncryptRTP(buf, plain, nil)
	if err != nil {
		f.tb.Fatal(err)
	}
	if err = f.take(sealed); err != nil {
		f.tb.Fatal(err)
	}
}
