package peer

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/pion/rtcp"
	"golang.org/x/time/rate"
)

const (
	// heardPerSecond is how many compound packets of a client's RTCP are read, in the
	// long run and at once. Players send some tens a second when they lose a lot; of a
	// flood, the rest costs no more than its decryption.
	heardPerSecond = 300
	heardBurst     = 300
	// heardBytesPerSecond is the same in bytes: what a packet costs grows with its size. Reports
	// and requests of players have a hundred.
	heardBytesPerSecond = 64 << 10
	heardBytesBurst     = 128 << 10
)

// Feedback takes what a viewer's client says of what it gets. Any goroutine calls it, maybe one that
// others wait for: it must not block. Nothing may be kept of what it is given but the packets
// that are no rtcp.RawPacket.
type Feedback interface {
	HandleRTCP(packets []rtcp.Packet)
	// HandleTransportFeedback takes transport-wide feedback where SendTrack says that it was
	// agreed on: the packet without its header and SSRCs, maybe with padding at its end.
	HandleTransportFeedback(fci []byte)
}

// listener is who a client's RTCP goes to.
type listener struct {
	packets   func([]rtcp.Packet)
	transport func(fci []byte) // nil: nobody reads transport-wide feedback
	remb      func() bool      // says whether REMB was agreed on; nil: it was not
}

// heard is how much RTCP a client may still say.
type heard struct{ packets, bytes *rate.Limiter }

func newHeard() heard {
	return heard{rate.NewLimiter(heardPerSecond, heardBurst), rate.NewLimiter(heardBytesPerSecond, heardBytesBurst)}
}

func (h heard) allow(size int) bool { return h.packets.Allow() && h.bytes.AllowN(time.Now(), size) }

// readRTCP hands on what the client says of what it gets. Only what it has signed
// counts against its budget: who forges its address takes nothing from it.
func (l *mediaTransport) readRTCP(packet []byte) {
	to, c := l.feedback.Load(), l.crypt.Load()
	if to == nil || c == nil {
		return
	}
	compound, err := c.openRTCP(packet)
	if errors.Is(err, errTooManySources) {
		l.engine.metrics.sourcesDropped.Inc()
	}
	if err != nil || !l.heard.allow(len(compound)) {
		return
	}
	rest := to.useful(compound)
	if len(rest) == 0 {
		return
	}
	if packets, err := rtcp.Unmarshal(rest); err == nil {
		to.packets(packets)
	}
}

// useful returns what somebody here looks at of a compound packet, in its memory. The rest
// was not agreed on. Transport-wide feedback, which comes many times a second, is handed on as
// it is: 1 KiB of it tells of 65,000 packets, and unpacked it would be dear.
func (l *listener) useful(compound []byte) []byte {
	const header = 4
	kept := compound[:0]
	for len(compound) >= header {
		size := header * (int(binary.BigEndian.Uint16(compound[2:])) + 1)
		if size > len(compound) {
			break
		}
		switch kind, format := rtcp.PacketType(compound[1]), compound[0]&0x1f; {
		case kind == rtcp.TypeTransportSpecificFeedback && format == rtcp.FormatTCC:
			if l.transport != nil && size > feedbackHeader {
				l.transport(compound[feedbackHeader:size])
			}
		case l.isUseful(kind, format):
			kept = append(kept, compound[:size]...)
		}
		compound = compound[size:]
	}
	return kept
}

// formatTMMBR is that of temporary maximum media stream bit rate requests (RFC 5104
// section 4.2.1).
const formatTMMBR = 3

// feedbackHeader is what the FCI follows in feedback (RFC 4585 section 6.1), in bytes.
const feedbackHeader = 12

func (l *listener) isUseful(kind rtcp.PacketType, format uint8) bool {
	switch kind {
	case rtcp.TypeSenderReport, rtcp.TypeReceiverReport:
		return true
	case rtcp.TypeTransportSpecificFeedback:
		return format == rtcp.FormatTLN || format == formatTMMBR
	case rtcp.TypePayloadSpecificFeedback:
		return format == rtcp.FormatPLI || format == rtcp.FormatFIR || format == rtcp.FormatREMB && l.remb != nil && l.remb()
	default:
		return false
	}
}
