package negotiate

import (
	"bytes"
	"fmt"
)

// What a description may have. Browsers offer about 200 lines of at most 150 bytes in
// two or three sections, fewer than 1 KiB of them before the first; whatever has more
// than these asks for the work, not for the stream. The bounds keep that work in
// proportion to the bytes: without them, what stands before the first section counts
// once for each section, and a payload type for each line of feedback.
const (
	maxLines          = 2000
	maxLine           = 4096     // bytes
	maxAllSections    = 32       // the rejected ones included, which are answered, too
	maxSessionPart    = 16 << 10 // bytes before the first section, which each section inherits
	maxCandidateLines = 256      // of one section, usable or not; the others are left out
)

// checkBounds refuses a description that is beyond the bounds before anything is
// allocated for it. The error wraps ErrUnusable and says which bound it is.
func checkBounds(body []byte) error {
	lines, sections, session := 0, 0, 0
	for line := range bytes.Lines(body) {
		lines++
		if bytes.HasPrefix(line, []byte("m=")) {
			sections++
		}
		if sections == 0 {
			session += len(line)
		}
		switch {
		case lines > maxLines:
			return fmt.Errorf("%w: it has more than %d lines", ErrUnusable, maxLines)
		case len(line) > maxLine:
			return fmt.Errorf("%w: line %d has %d bytes, and a line has %d at most", ErrUnusable, lines, len(line), maxLine)
		case sections > maxAllSections:
			return fmt.Errorf("%w: it has more than %d sections (m= lines)", ErrUnusable, maxAllSections)
		case session > maxSessionPart:
			return fmt.Errorf("%w: it has more than %d KiB before its first section (m= line)", ErrUnusable, maxSessionPart>>10)
		}
	}

	return nil
}
