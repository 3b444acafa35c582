package load

import (
	"encoding/binary"
	"strconv"
	"strings"

	"porthole/internal/ntp"
)

// captureTimeURI names the header extension with which a server tells when a
// picture was taken.
const captureTimeURI = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"

// extensionID returns the id that an answer gives to a header extension, 0 when
// it has none. In a bundle an extension has one id (RFC 9143 section 9.2).
func extensionID(answer, uri string) uint8 {
	for line := range strings.Lines(answer) {
		value, ok := strings.CutPrefix(strings.TrimSpace(line), "a=extmap:")
		if !ok {
			continue
		}
		fields := strings.Fields(value)
		if len(fields) < 2 || fields[1] != uri {
			continue
		}
		text, _, _ := strings.Cut(fields[0], "/") // a direction may follow the id
		if id, err := strconv.ParseUint(text, 10, 8); err == nil {
			return uint8(id)
		}
	}
	return 0
}

// captureTime reads abs-capture-time from the header of an RTP packet: Unix
// time in nanoseconds. SRTP leaves header extensions in clear (RFC 3711
// section 3.1).
func captureTime(packet []byte, id uint8) (nanos int64, ok bool) {
	value := extension(packet, id)
	if len(value) < 8 {
		return 0, false
	}
	return ntp.Time(binary.BigEndian.Uint64(value)).UnixNano(), true
}

// extension returns the value of a header extension (RFC 8285), nil when the
// packet does not carry it or is not what it says it is.
func extension(packet []byte, id uint8) []byte {
	const hasExtension, oneByte, twoByte = 0x10, 0xBEDE, 0x1000
	if id == 0 || packet[0]&hasExtension == 0 {
		return nil
	}
	begin := rtpHeaderSize + 4*int(packet[0]&0x0F) // after the contributing sources
	if len(packet) < begin+4 {
		return nil
	}
	profile := binary.BigEndian.Uint16(packet[begin:])
	end := begin + 4 + 4*int(binary.BigEndian.Uint16(packet[begin+2:]))
	if len(packet) < end {
		return nil
	}
	elements := packet[begin+4 : end]
	switch {
	case profile == oneByte:
		return element(elements, id, 1)
	case profile>>4 == twoByte>>4: // the lowest four bits are the application's
		return element(elements, id, 2)
	}
	return nil
}

// element finds an id among elements whose headers are of one or two bytes.
func element(rest []byte, id uint8, header int) []byte {
	for len(rest) > 0 {
		if rest[0] == 0 { // padding
			rest = rest[1:]
			continue
		}
		if len(rest) < header {
			return nil
		}
		got, size := rest[0]>>4, int(rest[0]&0x0F)+1
		if header == 2 {
			got, size = rest[0], int(rest[1])
		}
		if len(rest) < header+size || header == 1 && got == 15 { // 15 ends it
			return nil
		}
		if got == id {
			return rest[header : header+size]
		}
		rest = rest[header+size:]
	}
	return nil
}
