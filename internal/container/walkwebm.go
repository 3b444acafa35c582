package container

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"time"
)

// The EBML elements that are looked at (RFC 8794, RFC 9559).
const (
	idEBML        = 0x1A45DFA3
	idSegment     = 0x18538067
	idInfo        = 0x1549A966
	idTracks      = 0x1654AE6B
	idCluster     = 0x1F43B675
	idScale       = 0x2AD7B1
	idDuration    = 0x4489
	idTimestamp   = 0xE7
	idSimpleBlock = 0xA3
)

// unknownSize is that of an element whose end is not told: of a Segment that is being written.
const unknownSize = math.MaxInt64

// element is the head of an EBML element.
type element struct {
	id         uint32
	head, size int64 // bytes of the head, and of what follows it
}

// parseElement reads the head of an element; ok is false when it is not whole.
func parseElement(b []byte) (e element, ok bool) {
	if len(b) == 0 || b[0] < 0x10 {
		return element{}, false
	}
	n := bits.LeadingZeros8(b[0]) + 1
	if len(b) <= n {
		return element{}, false
	}
	for _, c := range b[:n] {
		e.id = e.id<<8 | uint32(c)
	}
	b = b[n:]
	length := bits.LeadingZeros8(b[0]) + 1
	if length > 8 || len(b) < length {
		return element{}, false
	}
	size := uint64(b[0]) & (1<<(8-length) - 1)
	for _, c := range b[1:length] {
		size = size<<8 | uint64(c)
	}
	e.head, e.size = int64(n+length), unknownSize
	if size != 1<<(7*length)-1 {
		e.size = int64(size) //nolint:gosec // at most 56 bits
	}
	return e, true
}

// elements calls visit with the elements in data that are whole.
func elements(data []byte, visit func(id uint32, body []byte)) {
	for {
		e, ok := parseElement(data)
		if !ok || e.size > int64(len(data))-e.head {
			return
		}
		visit(e.id, data[e.head:e.head+e.size])
		data = data[e.head+e.size:]
	}
}

// webmState is what is known on the way through a file.
type webmState struct {
	scale  time.Duration
	tracks bool
	told   time.Duration
	times  spans
	step   time.Duration // between the last two blocks
}

// walkWebM goes from cluster to cluster.
func walkWebM(r io.ReaderAt, size int64, all bool) (Extent, error) {
	found, state := Extent{}, webmState{scale: time.Millisecond}
	var head [16]byte
	for at := int64(0); at < size; {
		n := min(int64(len(head)), size-at)
		if _, err := r.ReadAt(head[:n], at); err != nil && !errors.Is(err, io.EOF) {
			return found, fmt.Errorf("read an element: %w", err)
		}
		e, ok := parseElement(head[:n])
		if !ok {
			break
		}
		at += e.head
		if e.id == idSegment {
			continue // what is in it follows
		}
		if e.size > size-at || e.size > maxHead {
			break // torn
		}
		body := make([]byte, e.size)
		if _, err := r.ReadAt(body, at); err != nil && !errors.Is(err, io.EOF) {
			return found, fmt.Errorf("read an element: %w", err)
		}
		at += e.size
		state.read(e.id, body, &found, at)
		if state.told > 0 && !all {
			return Extent{Duration: state.told, Told: true}, nil
		}
	}
	return finish(found, state.times, state.tracks)
}

// read looks at an element of a Segment that ends at an offset.
func (s *webmState) read(id uint32, body []byte, found *Extent, end int64) {
	switch id {
	case idInfo:
		var units float64
		elements(body, func(id uint32, b []byte) {
			switch {
			case id == idScale:
				s.scale = time.Duration(number(b)) //nolint:gosec // nanoseconds
			case id == idDuration && len(b) == 8:
				units = math.Float64frombits(binary.BigEndian.Uint64(b))
			case id == idDuration && len(b) == 4:
				units = float64(math.Float32frombits(binary.BigEndian.Uint32(b)))
			}
		})
		if units > 0 && units < 1e12 {
			s.told = time.Duration(units * float64(s.scale))
		}
	case idTracks:
		s.tracks, found.End = true, end
	case idCluster:
		s.cluster(body)
		found.End, found.Parts = end, found.Parts+1
	}
}

// cluster adds the times of the blocks of a cluster. A block does not say how long it lasts: the last one is
// taken to last as long as the one before.
func (s *webmState) cluster(body []byte) {
	var base uint64
	last, newest := map[byte]time.Duration{}, time.Duration(0)
	elements(body, func(id uint32, b []byte) {
		switch {
		case id == idTimestamp:
			base = number(b)
		case id == idSimpleBlock && len(b) >= 4:
			at := time.Duration(int64(base)+int64(int16(binary.BigEndian.Uint16(b[1:])))) * s.scale //nolint:gosec // as it is defined
			if before, ok := last[b[0]]; ok && at > before {
				s.step = at - before
			}
			last[b[0]], newest = at, max(newest, at)
			s.times.add(at, newest+s.step)
		}
	})
}

func number(b []byte) (n uint64) {
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n
}
