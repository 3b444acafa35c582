package still

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Markers of JPEG (ITU-T T.81, table B.1).
const (
	markSOF0 = 0xc0 // baseline
	markSOF1 = 0xc1 // extended, Huffman
	markSOF2 = 0xc2 // progressive
	markDHT  = 0xc4
	markRST0 = 0xd0
	markRST7 = 0xd7
	markSOI  = 0xd8
	markEOI  = 0xd9
	markSOS  = 0xda
	markTEM  = 0x01
)

// ErrNotJPEG is returned for what a camera called a JPEG and is none that a browser shows.
var ErrNotJPEG = errors.New("the camera's picture is no JPEG")

// Complete makes of a camera's JPEG one that stands alone. Cameras leave out the Huffman tables, which are then those of
// T.81 annex K, and fill the buffer up behind the end. The result shares memory with data where nothing is missing. What is
// between the headers and the end is taken as it is.
func Complete(data []byte) (JPEG, error) {
	headers, err := readHeaders(data)
	if err != nil {
		return JPEG{}, err
	}
	end := bytes.LastIndex(data[headers.scan:], []byte{0xff, markEOI})
	if end < 0 {
		return JPEG{}, fmt.Errorf("%w: it has no end", ErrNotJPEG)
	}
	end += headers.scan + 2
	out := JPEG{Data: data[:end:end], Width: headers.width, Height: headers.height}
	if !headers.tables {
		out.Data = make([]byte, 0, end+len(standardTables))
		out.Data = append(append(append(out.Data, data[:headers.scan]...), standardTables...), data[headers.scan:end]...)
	}
	return out, nil
}

// headers is what stands before the picture itself.
type headers struct {
	width, height int
	tables        bool // there are Huffman tables
	scan          int  // where SOS is
}

// readHeaders walks the segments up to the first scan.
func readHeaders(data []byte) (h headers, err error) {
	if len(data) < 4 || data[0] != 0xff || data[1] != markSOI {
		return h, fmt.Errorf("%w: it does not begin as one", ErrNotJPEG)
	}
	for at := 2; ; {
		for at+1 < len(data) && data[at] == 0xff && data[at+1] == 0xff { // fill bytes
			at++
		}
		if at+4 > len(data) || data[at] != 0xff {
			return h, fmt.Errorf("%w: its headers are cut off", ErrNotJPEG)
		}
		marker := data[at+1]
		if marker == markTEM || marker >= markRST0 && marker <= markRST7 {
			at += 2
			continue
		}
		length := int(binary.BigEndian.Uint16(data[at+2:]))
		if length < 2 || at+2+length > len(data) {
			return h, fmt.Errorf("%w: its headers are cut off", ErrNotJPEG)
		}
		segment := data[at+4 : at+2+length]
		switch marker {
		case markSOF0, markSOF1, markSOF2:
			if len(segment) < 6 {
				return h, fmt.Errorf("%w: it has no size", ErrNotJPEG)
			}
			h.height, h.width = int(binary.BigEndian.Uint16(segment[1:])), int(binary.BigEndian.Uint16(segment[3:]))
		case markDHT:
			h.tables = true
		case markEOI, markSOI:
			return h, fmt.Errorf("%w: it has no picture", ErrNotJPEG)
		case markSOS:
			if h.width == 0 || h.height == 0 {
				return h, fmt.Errorf("%w: it has no size", ErrNotJPEG)
			}
			h.scan = at
			return h, nil
		}
		at += 2 + length
	}
}
