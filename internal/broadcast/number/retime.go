package number

import "time"

const (
	// clockWindow is how often a publisher's timestamps are held against the time
	// that really passed.
	clockWindow = 2 * time.Second
	// clockPatience is how many times in a row they may be wrong before they are
	// given up; half as many when they do not advance at all. A network that stalls
	// and then delivers all at once makes them wrong once, and right the next time.
	clockPatience = 3
	// maxJumps is how many times they may jump within maxTimeJump. One jump is a
	// publisher that began anew.
	maxJumps = 3
	// retimedPictures is of how many pictures the new timestamps are kept, for
	// packets that come late.
	retimedPictures = 32
)

// Retimer stands between a publisher's timestamps and everybody else. Most can be
// believed, and pass. Those of a publisher whose clock stands still, goes backwards,
// runs at another rate than it says, or makes no sense at all are replaced, for as
// long as the publisher stays, by the times at which its pictures began to arrive:
// not even, but a player shows them. It has one user, the layer's writer.
type Retimer struct {
	rate    int64 // ticks a second
	started bool
	broken  bool // timestamps are made here

	seq    uint16 // of the newest packet
	in     uint32 // its timestamp, as it came
	out    uint32 // and as it was passed on
	at     int64  // when it came
	ended  bool   // it was the last one of its picture
	began  int64  // when its picture began to come
	window window

	jumps     int
	firstJump int64

	pictures [retimedPictures]retimed // those that were retimed, newest last, as a ring
	made     int
}

// window is a stretch of time over which a publisher's clock is judged.
type window struct {
	at     int64
	in     uint32
	looked int64 // when it was judged last
	looks  int   // how often it was found wrong
}

// retimed is a picture whose timestamp was made here.
type retimed struct {
	seq       uint16 // of the packet that came first
	in        uint32 // its timestamp, as it came
	timestamp uint32
	last      uint16 // the newest packet, which
	ended     bool   // has the marker
}

// has tells whether a packet from seq on that others overtook can be of the picture, and not
// of the next one, which began with a later packet.
func (p *retimed) has(seq uint16, in uint32, next *retimed) bool {
	after := p.ended && int16(seq-p.last) > 0 //nolint:gosec // serial number arithmetic
	return next == nil || in != next.in || in == p.in && !after
}

// NewRetimer returns a Retimer of timestamps that count at a clock rate, in Hz.
func NewRetimer(clockRate uint32) Retimer { return Retimer{rate: int64(clockRate)} }

// Fix returns the timestamp to use for a packet that has come now, and whether it
// was made here.
func (r *Retimer) Fix(seq uint16, in uint32, marker bool, now int64) (out uint32, made bool) {
	if !r.started {
		r.started = true
		r.seq, r.in, r.out, r.at, r.ended, r.began = seq, in, in, now, marker, now
		r.window = window{at: now, in: in, looked: now}
		return in, false
	}
	if ahead := int16(seq - r.seq); ahead <= 0 && ahead > -MaxReorder { //nolint:gosec // serial number arithmetic
		return r.late(seq, in), r.broken
	}
	if !r.broken {
		r.judge(in, now)
	}
	fresh := r.ended || in != r.in
	switch {
	case !r.broken:
		r.out = in
	case fresh:
		r.out += max(r.ticks(now-r.began), 1)
		r.pictures[r.made%retimedPictures] = retimed{seq: seq, in: in, timestamp: r.out}
		r.made++
	}
	if r.made > 0 {
		newest := &r.pictures[(r.made-1)%retimedPictures]
		newest.last, newest.ended = seq, marker
	}
	if fresh {
		r.began = now
	}
	r.seq, r.in, r.at, r.ended = seq, in, now, marker
	return r.out, r.broken
}

// ticks returns what a time is in units of the timestamp.
func (r *Retimer) ticks(nanos int64) uint32 {
	return uint32(nanos / 1000 * r.rate / 1_000_000) //nolint:gosec // timestamps wrap
}

// late returns the timestamp of a packet that others overtook: that of its picture.
func (r *Retimer) late(seq uint16, in uint32) uint32 {
	if !r.broken {
		return in
	}
	var next *retimed
	for i := r.made - 1; i >= 0 && i >= r.made-retimedPictures; i-- {
		p := &r.pictures[i%retimedPictures]
		if int16(seq-p.seq) >= 0 { //nolint:gosec // serial number arithmetic
			if !p.has(seq, in, next) {
				p = next
			}
			return p.timestamp
		}
		next = p
	}
	return r.out
}

// judge looks whether the publisher's clock can still be believed.
func (r *Retimer) judge(in uint32, now int64) {
	if off := r.claimed(in, r.in) - time.Duration(now-r.at); off.Abs() > MaxTimeJump {
		if now-r.firstJump > int64(MaxTimeJump) {
			r.jumps, r.firstJump = 0, now
		}
		r.jumps++
		r.broken = r.jumps >= maxJumps
		r.window = window{at: now, in: in, looked: now}
		return
	}
	if now-r.window.looked < int64(clockWindow) {
		return
	}
	r.window.looked = now
	passed := time.Duration(now - r.window.at)
	claimed := r.claimed(in, r.window.in)
	if (claimed - passed).Abs() <= passed/4 {
		r.window = window{at: now, in: in, looked: now}
		return
	}
	r.window.looks++
	r.broken = r.window.looks >= clockPatience || claimed <= 0 && r.window.looks > clockPatience/2
}

// claimed is the time that the publisher says has passed between two timestamps.
func (r *Retimer) claimed(later, earlier uint32) time.Duration {
	return time.Duration(int32(later-earlier)) * time.Second / time.Duration(r.rate) //nolint:gosec // serial number arithmetic
}
