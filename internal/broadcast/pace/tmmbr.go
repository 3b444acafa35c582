package pace

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/pion/rtcp"
)

// Formats of transport layer feedback (RFC 5104 section 4.2) that pion/rtcp leaves
// unread.
const (
	formatTMMBR = 3 // what a receiver allows
	formatTMMBN = 4 // what a sender has understood
)

// MaxBitRate is an entry of TMMBR or TMMBN: a media source and the bits per second
// that it may send, with overhead bytes of headers counted for each packet.
type MaxBitRate struct {
	SSRC     uint32
	Rate     uint64 // saturated
	Overhead int
}

const (
	maxBitRateHeader = 12 // RTCP header, SSRC of the sender, SSRC of the media source (unused)
	maxBitRateSize   = 8  // of an entry
	mantissaBits     = 17
	overheadBits     = 9
)

// ParseTMMBR reads a Temporary Maximum Media Stream Bit Rate Request, header
// included. ok is false for any other packet. It allocates only for one.
func ParseTMMBR(b []byte) (sender uint32, entries []MaxBitRate, ok bool) {
	if len(b) < maxBitRateHeader+maxBitRateSize {
		return 0, nil, false
	}
	length := (int(binary.BigEndian.Uint16(b[2:])) + 1) * 4
	if b[0]>>6 != 2 || b[0]&0x1f != formatTMMBR || b[1] != uint8(rtcp.TypeTransportSpecificFeedback) ||
		length > len(b) || length < maxBitRateHeader+maxBitRateSize {
		return 0, nil, false
	}
	for rest := b[maxBitRateHeader:length]; len(rest) >= maxBitRateSize; rest = rest[maxBitRateSize:] {
		word := binary.BigEndian.Uint32(rest[4:])
		mantissa := uint64(word >> overheadBits & (1<<mantissaBits - 1))
		e := MaxBitRate{
			SSRC: binary.BigEndian.Uint32(rest), Rate: shifted(mantissa, int(word>>(mantissaBits+overheadBits))),
			Overhead: int(word & (1<<overheadBits - 1)),
		}
		entries = append(entries, e)
	}
	return binary.BigEndian.Uint32(b[4:]), entries, true
}

// shifted returns n·2^by, or the largest number when that is too small for it.
func shifted(n uint64, by int) uint64 {
	if n != 0 && bits.Len64(n)+by > 64 {
		return math.MaxUint64
	}
	return n << by
}

// FormatNotification writes a Temporary Maximum Media Stream Bit Rate Notification: the
// sender knows the bound that owner has set for it.
func FormatNotification(sender, owner uint32, bound MaxBitRate) *rtcp.RawPacket {
	b := make([]byte, 0, maxBitRateHeader+maxBitRateSize)
	b = append(b, 2<<6|formatTMMBN, uint8(rtcp.TypeTransportSpecificFeedback))
	b = binary.BigEndian.AppendUint16(b, (maxBitRateHeader+maxBitRateSize)/4-1)
	b = binary.BigEndian.AppendUint32(b, sender)
	b = binary.BigEndian.AppendUint32(b, 0) // not used (section 4.2.2.1)
	b = binary.BigEndian.AppendUint32(b, owner)
	exponent := max(bits.Len64(bound.Rate)-mantissaBits, 0)
	word := uint32(exponent)<<(mantissaBits+overheadBits) | //nolint:gosec // at most 47
		uint32(bound.Rate>>exponent)<<overheadBits | //nolint:gosec // 17 bits
		uint32(bound.Overhead)&(1<<overheadBits-1) //nolint:gosec // likewise
	b = binary.BigEndian.AppendUint32(b, word)
	raw := rtcp.RawPacket(b)
	return &raw
}
