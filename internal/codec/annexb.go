package codec

import "bytes"

// SplitAnnexB appends the NAL units of an access unit in Annex B form to dst, without start codes and
// without the zero bytes that may follow a unit; empty ones are left out. The units share data's memory.
func SplitAnnexB(dst [][]byte, data []byte) [][]byte {
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
