package broadcast

import "time"

const (
	// gatherPackets is how many packets of a picture leave before its end is there.
	gatherPackets = 16
	// gatherTime is how long packets may wait for it: nothing can be seen without it.
	gatherTime = 10 * time.Millisecond
	// leastPrepared and mostPrepared are for how many viewers of a sender pictures are
	// prepared. Fewer are served soon anyway; for more it would take much memory, and
	// longer than a picture takes to come.
	leastPrepared, mostPrepared = 8, 64
	// leastParts is of how many packets a picture is worth it.
	leastParts = 4
)

// gathered is what a viewer's sink was given and has not sent. The beginning of a
// picture is encrypted while the rest of it is still coming, and then all of it leaves in
// one system call.
type gathered struct {
	packets int
	since   int64
	urgent  bool // sound and what was missed do not wait
}

func (g *gathered) add(packets int, urgent bool, now int64) {
	if packets == 0 {
		return
	}
	if g.packets == 0 {
		g.since = now
	}
	g.packets += packets
	g.urgent = g.urgent || urgent
}

// waits says until when packets wait for the rest of their picture, if they do.
// unfinished says that what was given last is not a picture's end.
func (g *gathered) waits(unfinished bool, now int64) (until int64, ok bool) {
	until = g.since + int64(gatherTime)
	return until, unfinished && !g.urgent && g.packets < gatherPackets && now < until
}

// foresight knows when most of a picture has probably come: when it has three quarters
// of the packets that pictures had lately.
type foresight struct {
	packets int // of the picture that is coming
	usual   int // of a picture, times four
}

// add counts a packet and says whether it is time to prepare the picture.
func (f *foresight) add(marker bool) (prepare bool) {
	f.packets++
	if marker {
		f.usual += f.packets - f.usual/4
		f.packets = 0
		return false
	}
	return f.packets >= leastParts && f.packets == f.usual*3/16
}

// prepare has viewers given the beginning of a picture, which leaves with its end.
func (s *stream) prepare() {
	for _, t := range *s.turns.Load() {
		if n := len(*t.viewers.Load()); n >= leastPrepared && n <= mostPrepared {
			t.call()
		}
	}
}
