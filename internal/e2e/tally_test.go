//go:build e2e

package e2e_test

import (
	"slices"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
)

// tally counts one track's packets and, of H.264, puts the frames together.
// Safe for concurrent use; packets are added by one goroutine.
type tally struct {
	keyframe chan struct{} // closed at the first picture that can be decoded alone

	mu       sync.Mutex
	c        counts      // guarded by mu
	last     time.Time   // of the last whole frame; guarded by mu
	pictures []picture   // guarded by mu
	record   bool        // keep pictures; guarded by mu
	times    []time.Time // of all whole frames; guarded by mu
	ssrc     uint32      // of the newest packet; guarded by mu
	next     uint16      // sequence number that comes next; guarded by mu

	// Owned by the goroutine that adds packets.
	started   bool
	h264      codecs.H264Packet
	timestamp uint32 // of the newest packet
	frame     []byte // Annex B, of the frame that is being put together
	broken    bool   // a packet of this frame did not parse
}

// counts is what a tally has seen since the last reset.
type counts struct {
	packets int
	missing int           // sequence numbers skipped and not seen later
	late    int           // packets that came after a later one
	frames  int           // whole frames
	pause   time.Duration // the longest between two frames
}

// picture is one frame as it came: what a decoder needs, and when it was complete.
type picture struct {
	annexB  []byte
	arrived time.Time
}

func newTally() *tally { return &tally{keyframe: make(chan struct{})} }

func (t *tally) counts() counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.c
	if !t.last.IsZero() {
		c.pause = max(c.pause, time.Since(t.last))
	}
	return c
}

// reset starts counting anew, from now.
func (t *tally) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.c = counts{}
	t.last = time.Now()
}

// startRecording keeps the pictures from now on.
func (t *tally) startRecording() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pictures, t.record = nil, true
}

// recorded stops the recording and returns it, from the first keyframe on.
func (t *tally) recorded() []picture {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.record = false
	first := slices.IndexFunc(t.pictures, func(p picture) bool { return startsAlone(p.annexB) })
	if first < 0 {
		return nil
	}
	return t.pictures[first:]
}

// arrivals returns when frames became complete, from the first one on.
func (t *tally) arrivals() []time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.times)
}

func (t *tally) add(packet *rtp.Packet, now time.Time) {
	t.order(packet.SequenceNumber, packet.SSRC)
	if len(packet.Payload) == 0 {
		return // padding, as a bandwidth probe sends it
	}
	if packet.Timestamp != t.timestamp { // the picture before never ended, or ended with its marker
		t.timestamp, t.frame, t.broken, t.h264 = packet.Timestamp, nil, false, codecs.H264Packet{}
	}
	nalus, err := t.h264.Unmarshal(packet.Payload)
	if err != nil {
		t.broken = true // of audio nobody asks
	}
	t.frame = append(t.frame, nalus...)
	if !packet.Marker {
		return
	}
	if !t.broken {
		t.complete(now)
	}
	t.frame, t.broken = nil, false
}

// source is the SSRC of the newest packet, and newest its sequence number.
func (t *tally) source() uint32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ssrc
}

func (t *tally) newest() uint16 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.next - 1
}

// order checks that the sequence number is the one that comes next.
func (t *tally) order(seq uint16, ssrc uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.c.packets++
	t.ssrc = ssrc
	if !t.started {
		t.started, t.next = true, seq
	}
	ahead := int(int16(seq - t.next))
	if ahead < 0 {
		t.c.late++
		t.c.missing--
		return
	}
	t.c.missing += ahead
	t.next = seq + 1
}

func (t *tally) complete(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.c.frames++
	t.times = append(t.times, now)
	if !t.last.IsZero() {
		t.c.pause = max(t.c.pause, now.Sub(t.last))
	}
	t.last = now
	if startsAlone(t.frame) {
		select {
		case <-t.keyframe:
		default:
			close(t.keyframe)
		}
	}
	if t.record {
		t.pictures = append(t.pictures, picture{t.frame, now})
	}
}

// startsAlone tells whether a decoder can begin with this H.264 frame: it has
// a sequence and a picture parameter set and an IDR slice.
func startsAlone(annexB []byte) bool {
	var sps, pps, idr bool
	for nalu := range nalus(annexB) {
		switch nalu[0] & 0x1f {
		case 5:
			idr = true
		case 7:
			sps = true
		case 8:
			pps = true
		}
	}
	return sps && pps && idr
}
