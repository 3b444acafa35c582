// Package thinning leaves the upper temporal layers out of a track, for one viewer, without a
// trace: the viewer's sequence numbers stay gapless and the picture ids of VP8 follow each other,
// because a hole would be chased by NACKs and waited for. What was lost before it came
// to us stays a hole, as far as it can be told apart. It is pure: no clock, no locks, no memory but its own.
package thinning

// Layer is the place of a picture in its stream's temporal layers.
type Layer struct {
	// ID is the temporal layer: 0 is needed by all others, and a stream without
	// temporal layers has nothing else.
	ID uint8
	// Sync says that the picture needs nothing of its own layer or above, so that its layer
	// may be taken up with it.
	Sync bool
	// Keyframe says that it needs no other picture.
	Keyframe bool
}

// Left counts what was left out in front of a packet.
type Left struct {
	Packets  uint64
	Pictures uint16 // wraps, as picture ids do
}

// remembered is how many runs of left-out pictures are known, for packets that come late: a
// second of 30 pictures each other one of which is left out.
const remembered = 16

// run is a run of packets that were left out, with all that was left out up to its end.
type run struct {
	from, to uint64 // sequence numbers, both left out
	left     Left
}

// Thinner decides for each packet of a track, in the order in which they came. The zero value
// leaves nothing but the base layer through; see Want.
type Thinner struct {
	limit, want uint8 // the highest layer that is sent, and that would be if it could

	begun     bool
	timestamp uint32 // of the picture that came last
	newest    uint64 // highest sequence number so far
	leaving   bool   // that picture is left out
	behind    bool   // nothing was sent after the newest run

	runs  [remembered]run
	count int // of runs, in all
}

// Want sets the highest layer that is to be sent. Pictures of those above are left out from the
// next picture on; those below are taken up again where the viewer can decode them.
func (t *Thinner) Want(layer uint8) {
	t.want = layer
	t.limit = min(t.limit, layer)
}

// Limit returns the highest layer that is sent now.
func (t *Thinner) Limit() uint8 { return t.limit }

// Restart forgets what was left out: the track goes on at a keyframe, with a new run of numbers.
func (t *Thinner) Restart() {
	*t = Thinner{limit: t.want, want: t.want}
}

// Keep says whether a packet is sent.
func (t *Thinner) Keep(seq uint64, timestamp uint32, layer Layer) bool {
	switch newest := !t.begun || seq > t.newest; {
	case newest && (!t.begun || timestamp != t.timestamp):
		t.begin(timestamp, layer)
		t.newest = seq
		if t.leaving {
			t.open(seq)
		}
	case timestamp == t.timestamp:
		t.newest = max(t.newest, seq)
		if t.leaving {
			t.extend(seq)
		}
	default: // late, of an earlier picture
		_, ok := t.Before(seq)
		return ok && layer.ID <= t.limit
	}
	if !t.leaving {
		t.behind = false
	}
	return !t.leaving
}

// begin decides about a picture at its first packet.
func (t *Thinner) begin(timestamp uint32, layer Layer) {
	t.begun, t.timestamp = true, timestamp
	switch {
	case layer.Keyframe:
		t.limit = t.want
	case layer.ID == t.limit+1 && layer.ID <= t.want && layer.Sync:
		t.limit = layer.ID
	}
	t.leaving = layer.ID > t.limit
}

// open notes the first packet of a picture that is left out.
func (t *Thinner) open(seq uint64) {
	if last := t.last(); t.behind && last != nil {
		// A picture in between of which nothing came would be missed by nobody, either.
		last.left.Packets += seq - last.to
		last.left.Pictures++
		last.to = seq
		return
	}
	r := run{from: seq, to: seq}
	if last := t.last(); last != nil {
		r.left = last.left
	}
	r.left.Packets++
	r.left.Pictures++
	t.runs[t.count%remembered] = r
	t.count++
	t.behind = true
}

// extend notes one more packet of the picture that is left out. What is missing between
// its packets is of the same picture.
func (t *Thinner) extend(seq uint64) {
	switch r := t.last(); {
	case seq > r.to:
		r.left.Packets += seq - r.to
		r.to = seq
	case seq < r.from:
		r.left.Packets += r.from - seq
		r.from = seq
	}
}

func (t *Thinner) last() *run {
	if t.count == 0 {
		return nil
	}
	return &t.runs[(t.count-1)%remembered]
}

// Left returns all that was left out so far.
func (t *Thinner) Left() Left {
	if r := t.last(); r != nil {
		return r.left
	}
	return Left{}
}

// Before returns what was left out in front of a packet. ok is false when the packet was left out itself, or came
// too late to tell.
func (t *Thinner) Before(seq uint64) (left Left, ok bool) {
	for i := t.count - 1; i >= max(0, t.count-remembered); i-- {
		switch r := &t.runs[i%remembered]; {
		case seq > r.to:
			return r.left, true
		case seq >= r.from:
			return Left{}, false
		}
	}
	return Left{}, t.count <= remembered
}
