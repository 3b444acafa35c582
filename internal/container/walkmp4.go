package container

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// maxHead bounds what is read of a file at once: moov and moof boxes are far smaller.
const maxHead = 8 << 20

// box is the head of an MP4 box.
type box struct {
	kind string
	size int64 // with its head
	head int64
}

// readBox reads the head of the box at an offset; io.ErrUnexpectedEOF says that the box is not whole.
func readBox(r io.ReaderAt, at, size int64) (box, error) {
	var b [16]byte
	n := min(int64(len(b)), size-at)
	if n < 8 {
		return box{}, io.ErrUnexpectedEOF
	}
	if _, err := r.ReadAt(b[:n], at); err != nil && !errors.Is(err, io.EOF) {
		return box{}, fmt.Errorf("read a box: %w", err)
	}
	found := box{kind: string(b[4:8]), size: int64(binary.BigEndian.Uint32(b[:4])), head: 8}
	if found.size == 1 && n == 16 {
		found.size, found.head = int64(binary.BigEndian.Uint64(b[8:])&1<<62-1), 16
	}
	if found.size < found.head || found.size > size-at {
		return box{}, io.ErrUnexpectedEOF
	}
	return found, nil
}

// body reads what is in a box.
func (b box) body(r io.ReaderAt, at int64) ([]byte, error) {
	if b.size > maxHead {
		return nil, fmt.Errorf("a box %q of %d bytes", b.kind, b.size)
	}
	data := make([]byte, b.size-b.head)
	if _, err := r.ReadAt(data, at+b.head); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read a box: %w", err)
	}
	return data, nil
}

// children calls visit with the boxes in the body of one.
func children(data []byte, visit func(kind string, body []byte)) {
	for len(data) >= 8 {
		n := int(binary.BigEndian.Uint32(data))
		if n < 8 || n > len(data) {
			return
		}
		visit(string(data[4:8]), data[8:n])
		data = data[n:]
	}
}

// descend calls visit with the bodies of the boxes at a path below data.
func descend(data []byte, path []string, visit func(body []byte)) {
	children(data, func(kind string, body []byte) {
		switch {
		case kind != path[0]:
		case len(path) == 1:
			visit(body)
		default:
			descend(body, path[1:], visit)
		}
	})
}

// walkMP4 goes from part to part: a moof and its mdat.
func walkMP4(r io.ReaderAt, size int64, all bool) (Extent, error) {
	var found Extent
	var scales map[uint32]uint32
	var times spans
	for at := int64(0); at < size; {
		b, err := readBox(r, at, size)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			break // torn
		}
		if err != nil {
			return found, err
		}
		switch b.kind {
		case "moov":
			body, err := b.body(r, at)
			if err != nil {
				return found, err
			}
			if d := movieDuration(body); d > 0 && !all {
				return Extent{Duration: d, Told: true}, nil
			}
			scales, found.End = timescales(body), at+b.size
		case "moof":
			mdat, err := readBox(r, at+b.size, size)
			if err != nil || scales == nil {
				return finish(found, times, scales != nil)
			}
			body, err := b.body(r, at)
			if err != nil {
				return found, err
			}
			partTimes(body, scales, &times)
			at += b.size
			b = mdat
			found.End, found.Parts = at+b.size, found.Parts+1
		}
		at += b.size
	}
	return finish(found, times, scales != nil)
}

func finish(found Extent, times spans, head bool) (Extent, error) {
	if !head {
		return Extent{}, ErrNoHead
	}
	found.Duration = times.last - times.first
	return found, nil
}

// movieDuration reads the duration of a moov; 0: it does not say.
func movieDuration(moov []byte) (d time.Duration) {
	descend(moov, []string{"mvhd"}, func(b []byte) {
		if len(b) >= 20 && b[0] == 0 && binary.BigEndian.Uint32(b[12:]) > 0 {
			d = ticks(uint64(binary.BigEndian.Uint32(b[16:])), binary.BigEndian.Uint32(b[12:]))
		}
	})
	return d
}

// timescales reads the units of time of all tracks of a moov, by their ids.
func timescales(moov []byte) map[uint32]uint32 {
	scales := make(map[uint32]uint32)
	descend(moov, []string{"trak"}, func(trak []byte) {
		var id, scale uint32
		descend(trak, []string{"tkhd"}, func(b []byte) {
			id = afterTimes(b)
		})
		descend(trak, []string{"mdia", "mdhd"}, func(b []byte) {
			scale = afterTimes(b)
		})
		if scale > 0 {
			scales[id] = scale
		}
	})
	return scales
}

// afterTimes reads what follows the times of creation and change in a tkhd or mdhd, which are longer in version 1.
func afterTimes(b []byte) uint32 {
	at := 12
	if len(b) > 0 && b[0] == 1 {
		at += 8
	}
	if len(b) < at+4 {
		return 0
	}
	return binary.BigEndian.Uint32(b[at:])
}

// partTimes adds the times of the samples of a moof.
func partTimes(moof []byte, scales map[uint32]uint32, times *spans) {
	descend(moof, []string{"traf"}, func(traf []byte) {
		var scale uint32
		var base, length uint64
		children(traf, func(kind string, b []byte) {
			switch {
			case kind == "tfhd" && len(b) >= 8:
				scale = scales[binary.BigEndian.Uint32(b[4:])]
			case kind == "tfdt" && len(b) >= 12 && b[0] == 1:
				base = binary.BigEndian.Uint64(b[4:])
			case kind == "tfdt" && len(b) >= 8 && b[0] == 0:
				base = uint64(binary.BigEndian.Uint32(b[4:]))
			case kind == "trun":
				length += runLength(b)
			}
		})
		if scale > 0 && length > 0 {
			times.add(ticks(base, scale), ticks(base+length, scale))
		}
	})
}

// runLength adds up the durations of the samples of a trun.
func runLength(b []byte) (length uint64) {
	const dataOffset, firstFlags, duration, size, flags, composition = 0x1, 0x4, 0x100, 0x200, 0x400, 0x800
	if len(b) < 8 {
		return 0
	}
	has := binary.BigEndian.Uint32(b) & 0xffffff
	count := int(binary.BigEndian.Uint32(b[4:]))
	b = b[8:]
	for _, flag := range []uint32{dataOffset, firstFlags} {
		if has&flag != 0 {
			b = b[min(4, len(b)):]
		}
	}
	step := 0
	for _, flag := range []uint32{duration, size, flags, composition} {
		if has&flag != 0 {
			step += 4
		}
	}
	if has&duration == 0 {
		return 0
	}
	for ; count > 0 && len(b) >= step; count-- {
		length += uint64(binary.BigEndian.Uint32(b))
		b = b[step:]
	}
	return length
}

// ticks is a time in units of a second's share.
func ticks(n uint64, scale uint32) time.Duration {
	s := n / uint64(scale)
	if s > 1<<32 { // nobody records for a century
		return 0
	}
	return time.Duration(s)*time.Second + time.Duration(n%uint64(scale))*time.Second/time.Duration(scale) //nolint:gosec // less than 1<<33 seconds
}
