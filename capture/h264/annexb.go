// Package h264 takes access units of H.264 in Annex B form apart and cuts them into RTP payloads.
package h264

import "bytes"

// NAL unit types of H.264 that matter here (ITU-T H.264 table 7-1, RFC 6184 §5.2).
const (
	IDR       = 5
	SPS       = 7
	PPS       = 8
	delimiter = 9
	seqEnd    = 10
	streamEnd = 11
	filler    = 12
	STAPA     = 24
	FUA       = 28
)

// Type is the type of a NAL unit that is not empty.
func Type(nal []byte) byte { return nal[0] & 0x1f }

// Split appends the NAL units of an access unit in Annex B form to dst, without start codes and
// without the zero bytes that may follow a unit; empty ones are left out. The units share data's memory.
func Split(dst [][]byte, data []byte) [][]byte {
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
