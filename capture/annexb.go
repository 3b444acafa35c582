package capture

import "bytes"

// NAL unit types of H.264 that matter here (ITU-T H.264 table 7-1, RFC 6184 §5.2).
const (
	nalIDR       = 5
	nalSPS       = 7
	nalPPS       = 8
	nalDelimiter = 9
	nalSeqEnd    = 10
	nalStreamEnd = 11
	nalFiller    = 12
	nalSTAPA     = 24
	nalFUA       = 28
)

func nalType(nal []byte) byte { return nal[0] & 0x1f }

// splitAnnexB appends the NAL units of an access unit in Annex B form to dst, without start codes and
// without the zero bytes that may follow a unit; empty ones are left out. The units share data's memory.
func splitAnnexB(dst [][]byte, data []byte) [][]byte {
	startCode := []byte{0, 0, 1}
	at := bytes.Index(data, startCode)
	for at >= 0 {
		data = data[at+len(startCode):]
		at = bytes.Index(data, startCode)
		nal := data
		if at >= 0 {
			nal = data[:at]
		}
		if nal = bytes.TrimRight(nal, "\x00"); len(nal) > 0 {
			dst = append(dst, nal)
		}
	}
	return dst
}
