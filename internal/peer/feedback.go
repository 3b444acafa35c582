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

// heard is how much RTCP a client may still say.
type heard struct{ packets, bytes *rate.Limiter }

func newHeard() heard {
	return heard{rate.NewLimiter(heardPerSecond, heardBurst), rate.NewLimiter(heardBytesPerSecond, heardBytesBurst)}
}

func (h heard) allow(size int) bool { return h.packets.Allow() && h.bytes.AllowN(time.Now(), size) }

// readRTCP hands on what the client says of what it gets. Only what it has signed
// counts against its budget: who forges its address takes nothing from it.
func (l *mediaLink) readRTCP(packet []byte) {
	feedback, c := l.feedback.Load(), l.crypt.Load()
	if feedback == nil || c == nil {
		return
	}
	compound, err := c.openRTCP(packet)
	if errors.Is(err, errTooManySources) {
		l.engine.metrics.sourcesDropped.Inc()
	}
	if err != nil || !l.heard.allow(len(compound)) {
		return
	}
	packets, err := rtcp.Unmarshal(useful(compound))
	if err == nil && len(packets) > 0 {
		(*feedback)(packets)
	}
}

// useful returns what somebody here looks at of a compound packet, in its memory. The rest
// was not agreed on, and may be dear: 1 KiB of transport-wide feedback tells of 65,000 packets.
func useful(compound []byte) []byte {
	const header = 4
	kept := compound[:0]
	for len(compound) >= header {
		size := header * (int(binary.BigEndian.Uint16(compound[2:])) + 1)
		if size > len(compound) {
			break
		}
		if isUseful(rtcp.PacketType(compound[1]), compound[0]&0x1f) {
			kept = append(kept, compound[:size]...)
		}
		compound = compound[size:]
	}
	return kept
}

// formatTMMBR is that of temporary maximum media stream bit rate requests (RFC 5104
// section 4.2.1).
const formatTMMBR = 3

func isUseful(kind rtcp.PacketType, format uint8) bool {
	switch kind {
	case rtcp.TypeSenderReport, rtcp.TypeReceiverReport:
		return true
	case rtcp.TypeTransportSpecificFeedback:
		return format == rtcp.FormatTLN || format == formatTMMBR
	case rtcp.TypePayloadSpecificFeedback:
		return format == rtcp.FormatPLI || format == rtcp.FormatFIR
	default:
		return false
	}
}
