package container

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

// File is what Finish writes into.
type File interface {
	io.ReaderAt
	io.WriterAt
}

// Finish writes into the head of a file how long it is, in the place that it has for that. It takes no room.
func Finish(f File, format string, d time.Duration) error {
	switch format {
	case MP4:
		return finishMP4(f, d)
	case WebM:
		return finishWebM(f, d)
	}
	return fmt.Errorf("%q is none of the formats that are kept", format)
}

var errNoPlace = errors.New("the head has no place for the duration")

// finishMP4 sets the duration of the mvhd, which is in a unit of its own.
func finishMP4(f File, d time.Duration) error {
	for at := int64(0); ; {
		b, err := readBox(f, at, math.MaxInt64)
		if err != nil {
			return errNoPlace
		}
		if b.kind != "moov" {
			at += b.size
			continue
		}
		header, err := readBox(f, at+b.head, at+b.size)
		if err != nil || header.kind != "mvhd" || header.size < 28 {
			return errNoPlace
		}
		at += b.head + header.head
		var fields [20]byte // version and flags, creation, change, scale, duration
		if _, err := f.ReadAt(fields[:], at); err != nil {
			return fmt.Errorf("read the head of a file: %w", err)
		}
		scale := binary.BigEndian.Uint32(fields[12:])
		units := d.Seconds()*float64(scale) + 0.5
		if fields[0] != 0 || scale == 0 || units >= math.MaxUint32 {
			return errNoPlace
		}
		return writeAt(f, binary.BigEndian.AppendUint32(nil, uint32(units)), at+16)
	}
}

// finishWebM sets the Duration of the Info.
func finishWebM(f File, d time.Duration) error {
	head := make([]byte, 4096) // Info comes first
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the head of a file: %w", err)
	}
	head = head[:n]
	for at := int64(0); ; {
		e, ok := parseElement(head[at:])
		if !ok || e.id != idSegment && e.size > int64(n)-at-e.head {
			return errNoPlace
		}
		switch at += e.head; {
		case e.id == idDuration && e.size == 8:
			return writeAt(f, binary.BigEndian.AppendUint64(nil, math.Float64bits(float64(d)/float64(time.Millisecond))), at)
		case e.id != idSegment && e.id != idInfo:
			at += e.size
		}
	}
}

func writeAt(f File, b []byte, at int64) error {
	if _, err := f.WriteAt(b, at); err != nil {
		return fmt.Errorf("write the duration into the head of a file: %w", err)
	}
	return nil
}
