package peer

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"

	"github.com/pion/rtcp"
)

// keyframeRequests asks a publisher for keyframes of one track, away from those
// who want them.
type keyframeRequests struct {
	session  *Connection
	feedback []string
	media    atomic.Uint32 // SSRC; it may change
	sender   uint32        // ours, which receives nothing
	sequence uint8         // of the next FIR; owned by send

	// wanted holds one token: requests that come before the worker took it are
	// the same request.
	wanted chan struct{}
}

func newKeyframeRequests(s *Connection, feedback []string, media uint32) *keyframeRequests {
	k := &keyframeRequests{
		session: s, feedback: feedback, sender: rand.Uint32(), wanted: make(chan struct{}, 1), // not a secret
	}
	k.media.Store(media)
	return k
}

// request wants a keyframe. It never blocks.
func (k *keyframeRequests) request() {
	select {
	case k.wanted <- struct{}{}:
	default:
	}
}

// send sends requests until the session ends.
func (k *keyframeRequests) send() error {
	for {
		select {
		case <-k.wanted:
		case <-k.session.ctx.Done():
			return nil
		}
		if packet := k.packet(); packet != nil && k.session.writable.Load() {
			// A lost request is repeated by whoever still has no keyframe.
			_ = k.session.transport.writeRTCP([]rtcp.Packet{packet})
		}
	}
}

// packet returns what the publisher has promised to understand; nil if nothing.
func (k *keyframeRequests) packet() rtcp.Packet {
	media := k.media.Load()
	switch {
	case slices.Contains(k.feedback, "nack pli"):
		return &rtcp.PictureLossIndication{SenderSSRC: k.sender, MediaSSRC: media}
	case slices.Contains(k.feedback, "ccm fir"):
		k.sequence++ // a new number is a new request (RFC 5104 4.3.1.1)
		return &rtcp.FullIntraRequest{
			SenderSSRC: k.sender, MediaSSRC: media,
			FIR: []rtcp.FIREntry{{SSRC: media, SequenceNumber: k.sequence}},
		}
	default:
		return nil
	}
}
