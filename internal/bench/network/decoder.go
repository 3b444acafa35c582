package main

import (
	"time"

	"github.com/pion/rtp"

	"porthole/internal/codec"
)

const (
	// patience is how long a decoder waits for a packet that is missing, as browsers do about.
	patience = 500 * time.Millisecond
	// askEvery is how often it asks for a keyframe at most.
	askEvery = time.Second
	// maxAhead bounds what waits behind a packet that is missing.
	maxAhead = 2000
)

var h264 = codec.Codec{MimeType: "video/H264"}

// decoder tells which pictures could be decoded, without decoding any: those of which every packet came, and every packet
// of all pictures since a keyframe. It sees one track of H.264.
type decoder struct {
	started bool
	next    uint16 // the packet that is waited for
	ahead   map[uint16]*rtp.Packet
	since   time.Time // when it began to be waited for
	broken  bool      // until the next keyframe
	asked   time.Time

	decoded []time.Time // when each picture was complete
	bytes   int         // of payloads
}

// add takes a packet and says whether a keyframe is to be asked for.
func (d *decoder) add(p *rtp.Packet, now time.Time) (ask bool) {
	if !d.started {
		d.started, d.broken, d.next, d.ahead = true, true, p.SequenceNumber, make(map[uint16]*rtp.Packet)
	}
	if int16(p.SequenceNumber-d.next) < 0 { //nolint:gosec // the distance of two numbers
		return false // late, or a second time
	}
	d.bytes += len(p.Payload)
	if len(d.ahead) == 0 {
		d.since = now
	}
	d.ahead[p.SequenceNumber] = p
	d.drain(now)
	if len(d.ahead) > 0 && (now.Sub(d.since) > patience || len(d.ahead) > maxAhead) {
		d.skip()
		d.drain(now)
	}
	if d.broken && now.Sub(d.asked) > askEvery {
		d.asked = now
		return true
	}
	return false
}

// drain takes what is complete.
func (d *decoder) drain(now time.Time) {
	for {
		p := d.ahead[d.next]
		if p == nil {
			break
		}
		delete(d.ahead, d.next)
		d.next++
		d.since = now
		if d.broken && len(p.Payload) > 0 && codec.IsKeyframe(h264, p.Payload) {
			d.broken = false
		}
		if p.Marker && !d.broken {
			d.decoded = append(d.decoded, now)
		}
	}
}

// skip gives up what is missing.
func (d *decoder) skip() {
	d.broken = true
	for d.ahead[d.next] == nil {
		d.next++
	}
}
