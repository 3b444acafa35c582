package peer

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/pion/dtls/v3"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"porthole/internal/egress"
)

// crypt seals what goes to a client and opens what comes back (RFC 3711, RFC
// 5764), with the keys of one DTLS handshake.
type crypt struct {
	tag int // bytes that sealing adds to an RTP packet

	mu   sync.Mutex // guards what follows
	send *srtp.Context
	// header and packet are memory for one packet after another; packet is used
	// where there is no batch to write into.
	header rtp.Header
	packet [receiveMTU]byte

	receiving sync.Mutex // guards what follows
	receive   *srtp.Context
	sources   sources
}

// newCrypt takes the keys out of a finished handshake.
func newCrypt(conn *dtls.Conn, weAreClient bool) (*crypt, error) {
	chosen, ok := conn.SelectedSRTPProtectionProfile()
	if !ok {
		return nil, errors.New("the client agreed to no SRTP protection profile")
	}
	profile := srtp.ProtectionProfile(chosen) // both number them as RFC 5764 and RFC 7714 do
	state, ok := conn.ConnectionState()
	if !ok {
		return nil, errors.New("the handshake left no keys")
	}
	cfg := srtp.Config{Profile: profile}
	if err := cfg.ExtractSessionKeysFromDTLS(&state, weAreClient); err != nil {
		return nil, fmt.Errorf("extract SRTP keys: %w", err)
	}
	c := &crypt{}
	authTag, errTag := profile.AuthTagRTPLen()
	aeadTag, errAEAD := profile.AEADAuthTagLen()
	c.tag = authTag + aeadTag
	var errSend, errReceive error
	c.send, errSend = srtp.CreateContext(cfg.Keys.LocalMasterKey, cfg.Keys.LocalMasterSalt, profile)
	c.receive, errReceive = srtp.CreateContext(cfg.Keys.RemoteMasterKey, cfg.Keys.RemoteMasterSalt, profile,
		srtp.SRTCPReplayProtection(replayWindow), srtp.SRTPReplayProtection(mediaReplayWindow))
	if err := errors.Join(errTag, errAEAD, errSend, errReceive); err != nil {
		return nil, fmt.Errorf("set up SRTP: %w", err)
	}
	return c, nil
}

// replayWindow is how far, in packets, RTCP may be out of order, and mediaReplayWindow
// media: a packet that was lost may come again, under its old number, until it is not asked
// for any more.
const (
	replayWindow      = 64
	mediaReplayWindow = nackHistory
)

// sealInto makes the sealed packet in place, at the end of the batch.
func (c *crypt) sealInto(batch *egress.Destination, header *rtp.Header, payload []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	size := header.MarshalSize() + len(payload) + c.tag
	err := batch.Append(size, func(room []byte) error { return c.sealLocked(room, header, payload) })
	switch err {
	case nil:
		return size, nil
	case egress.ErrClosed: //nolint:errorlint // Append returns it as it is; hot path
		return 0, ErrNotConnected // the path has just changed
	}
	return 0, err
}

// sealAndWrite sends the sealed packet at once.
func (c *crypt) sealAndWrite(w io.Writer, header *rtp.Header, payload []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	size := header.MarshalSize() + len(payload) + c.tag
	if size > len(c.packet) {
		return 0, io.ErrShortBuffer
	}
	if err := c.sealLocked(c.packet[:size], header, payload); err != nil {
		return 0, err
	}
	return w.Write(c.packet[:size])
}

// sealLocked fills room, which is exactly as large as the sealed packet.
func (c *crypt) sealLocked(room []byte, header *rtp.Header, payload []byte) error {
	n, err := header.MarshalTo(room)
	if err != nil {
		return err
	}
	n += copy(room[n:], payload)
	c.header.Extensions = c.header.Extensions[:0]
	sealed, err := c.send.EncryptRTP(room, room[:n], &c.header)
	if err == nil && len(sealed) != len(room) {
		err = io.ErrShortWrite
	}
	return err
}

// sealRTCP returns a sealed compound packet.
func (c *crypt) sealRTCP(packets []rtcp.Packet) ([]byte, error) {
	compound, err := rtcp.Marshal(packets)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.send.EncryptRTCP(nil, compound, nil)
}

// openRTCP returns what was sealed, a compound packet, in place.
func (c *crypt) openRTCP(sealed []byte) ([]byte, error) {
	c.receiving.Lock()
	defer c.receiving.Unlock()
	ssrc, ok := c.sources.admits(sealed)
	if !ok {
		return nil, errTooManySources
	}
	compound, err := c.receive.DecryptRTCP(sealed, sealed, nil)
	if err == nil {
		c.sources.add(ssrc)
	}
	return compound, err
}

// openRTP returns what was sealed, a packet of media, in place, and reads its header.
func (c *crypt) openRTP(sealed []byte, header *rtp.Header) ([]byte, error) {
	c.receiving.Lock()
	defer c.receiving.Unlock()
	return c.receive.DecryptRTP(sealed, sealed, header)
}
