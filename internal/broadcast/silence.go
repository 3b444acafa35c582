package broadcast

import "time"

const (
	// stallAfter is how long a publisher may send nothing before its stream counts as
	// stalled. Who sends one picture a second is slow and no more.
	stallAfter = 1800 * time.Millisecond
	// paused is how late a timer of stallAfter is when the whole process did not run:
	// stopped, or on a machine that slept. What came meanwhile is yet to be read.
	paused = 500 * time.Millisecond
)

// stalledText is SourceState of a stream that is stalled, for people.
const stalledText = "the publisher has stopped sending"

// awaitSilenceLocked begins to wait for the publisher's silence.
func (p *Publisher) awaitSilenceLocked() {
	p.quietSince.Store(p.stream.b.clock.now())
	p.silence = time.AfterFunc(stallAfter, p.checkSilence)
}

// checkSilence runs when silence may have lasted for stallAfter. No timer runs while
// the stream is stalled: the next packet says that it is not any more.
func (p *Publisher) checkSilence() {
	b := p.stream.b
	b.mu.Lock()
	defer b.mu.Unlock()
	if p.stream.publisher != p || p.ended() || p.stalled.Load() {
		return
	}
	now := b.clock.now()
	last, ok := p.lastPacketLocked()
	quiet := time.Duration(now - last)
	late := time.Duration(now-p.quietSince.Load()) - stallAfter
	switch {
	case !ok, late > paused:
		p.rearm(now, stallAfter)
	case quiet < stallAfter:
		p.rearm(last, stallAfter-quiet)
	default:
		p.stalled.Store(true)
		if newest, _ := p.lastPacketLocked(); newest != last { // came in this very moment
			p.heard(newest)
			return
		}
		p.stream.changed()
	}
}

// rearm waits for the silence that begins at since, of which left is left.
func (p *Publisher) rearm(since int64, left time.Duration) {
	p.quietSince.Store(since)
	p.silence.Reset(left)
}

// heard notes that a packet came at now. It is called for each.
func (p *Publisher) heard(now int64) {
	if p.stalled.Load() && p.stalled.CompareAndSwap(true, false) {
		p.rearm(now, stallAfter)
		p.stream.changed()
	}
}

// lastPacketLocked says when the newest packet of any track came, if one did.
func (p *Publisher) lastPacketLocked() (newest int64, ok bool) {
	for _, layers := range p.layers {
		for _, l := range layers {
			newest = max(newest, l.lastPacket.Load())
		}
	}
	return newest, newest != 0
}
