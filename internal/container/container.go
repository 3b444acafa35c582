// Package container has the two formats that media is kept in: fragmented MP4 (ISO/IEC 14496-12) for
// H.264, H.265, AV1, VP9 and Opus, and WebM for VP8. Both are a head and then parts, each of which is whole
// in itself, so that a file is valid after every part that was written, and what follows the last whole one
// can be cut off.
//
// The package knows neither files nor where media comes from: it makes bytes of samples, and says what is in
// bytes.
package container

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// The formats, which are what names of files end with.
const (
	MP4  = "mp4"
	WebM = "webm"
)

// Extent is how much of a file is whole.
type Extent struct {
	Duration time.Duration // of what is in the whole parts, from the first sample on
	End      int64         // in bytes: what follows is a torn part, or nothing
	Parts    int
	// Told says that the head has the duration, as it does once a file is finished. Measure then has not looked at
	// the parts: End and Parts are 0.
	Told bool
}

// ErrNoHead means that a file has no whole head: nothing in it can be played.
var ErrNoHead = errors.New("the file ends before its first part")

// Measure says how long a file is: by its head, or part by part when that does not say.
func Measure(r io.ReaderAt, size int64, format string) (Extent, error) {
	return measure(r, size, format, false)
}

// Walk looks at all the parts of a file.
func Walk(r io.ReaderAt, size int64, format string) (Extent, error) {
	return measure(r, size, format, true)
}

func measure(r io.ReaderAt, size int64, format string, all bool) (Extent, error) {
	switch format {
	case MP4:
		return walkMP4(r, size, all)
	case WebM:
		return walkWebM(r, size, all)
	}
	return Extent{}, fmt.Errorf("%q is none of the formats that are kept", format)
}

// spans collects where media begins and ends.
type spans struct {
	first, last time.Duration
	any         bool
}

func (s *spans) add(from, to time.Duration) {
	if !s.any || from < s.first {
		s.first = from
	}
	if !s.any || to > s.last {
		s.last = to
	}
	s.any = true
}
