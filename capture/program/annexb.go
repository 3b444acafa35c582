package program

import (
	"bytes"
	"errors"
	"fmt"

	"porthole/internal/codec"
)

const (
	// maxUnit is how large a picture may be, in bytes. A keyframe of 2160p at 50 Mbit/s stays far below it.
	maxUnit = 4 << 20
	// maxProbe is within how many bytes the first NAL unit must begin.
	maxProbe = 4096
)

var errTooLarge = errors.New("a picture of more than 4 MiB: this is not H.264 in Annex B form, or it is broken")

// splitter cuts H.264 in Annex B form, as it comes, into access units. What it keeps is bounded by maxUnit and what is pushed at once.
type splitter struct {
	buf     []byte // from the start code of the first NAL unit of the access unit
	scanned int    // how much of buf was looked through for start codes
	picture bool   // a slice has begun in buf
	begun   bool   // buf begins with a start code
}

// push adds what was read. Cut takes the access units that are whole then.
func (s *splitter) push(data []byte) { s.buf = append(s.buf, data...) }

// cut returns the next access unit that is whole; nil: more is needed. It shares no memory with what comes later. An access unit is
// whole when the next one begins (ITU-T H.264 section 7.4.1.2.3): Annex B does not tell an end.
func (s *splitter) cut() ([]byte, error) {
	for {
		i := bytes.Index(s.buf[s.scanned:], []byte{0, 0, 1})
		at := s.scanned + i
		if i < 0 || at+4 >= len(s.buf) { // the header, and the byte after it, decide
			if i < 0 {
				s.scanned = max(s.scanned, len(s.buf)-2)
			} else {
				s.scanned = at
			}
			return nil, s.check()
		}
		s.scanned = at + 3
		if !s.begun {
			if err := s.begin(at); err != nil {
				return nil, err
			}
			at = 0
		}
		nal := s.buf[at+3:]
		kind := codec.H264NALs.Type(nal)
		slice := kind >= codec.NALSlice && kind <= codec.NALIDR
		opens := kind >= codec.NALSEI && kind <= codec.NALDelimiter || slice && nal[1]&0x80 != 0 // first_mb_in_slice is 0
		if !s.picture || !opens {
			s.picture = s.picture || slice
			continue
		}
		unit := bytes.Clone(s.buf[:at])
		s.buf = append(s.buf[:0], s.buf[at:]...)
		s.scanned, s.picture = 3, slice
		return unit, nil
	}
}

// begin drops what is before the first start code, and looks at whether it is H.264 that begins.
func (s *splitter) begin(at int) error {
	header := s.buf[at+3]
	kind := header & 0x1f
	if at > maxProbe || header&0x80 != 0 || kind == 0 || kind > codec.NALFiller {
		return notAnnexB(s.buf)
	}
	s.buf = s.buf[at:]
	s.scanned, s.begun = 3, true
	return nil
}

func (s *splitter) check() error {
	switch {
	case !s.begun && len(s.buf) >= 8 && container(s.buf) != "", !s.begun && len(s.buf) > maxProbe:
		return notAnnexB(s.buf)
	case len(s.buf) > maxUnit:
		return errTooLarge
	}
	return nil
}

// container names what the first bytes belong to; empty: not known.
func container(head []byte) string {
	switch {
	case len(head) > 188 && head[0] == 0x47 && head[188] == 0x47:
		return "MPEG-TS"
	case bytes.HasPrefix(head, []byte("DKIF")):
		return "IVF"
	case len(head) >= 8 && string(head[4:8]) == "ftyp":
		return "MP4"
	case bytes.HasPrefix(head, []byte{0x1a, 0x45, 0xdf, 0xa3}):
		return "Matroska or WebM"
	}
	return ""
}

// notAnnexB says what it is instead, and what cures it.
func notAnnexB(head []byte) error {
	what := container(head)
	if what == "" {
		what = fmt.Sprintf("something that begins with % x", head[:min(len(head), 8)])
	}
	return fmt.Errorf("the program writes %s; needed is H.264 in Annex B form, as of ffmpeg … -c:v libx264 -bf 0 -an -f h264 -", what)
}
