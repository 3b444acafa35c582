package peer

import (
	"slices"
	"time"

	"porthole/internal/negotiate"
)

const (
	// handover is how long a source has to be silent before another one takes its track
	// over. Somebody who pauses or restarts an encoder is silent for longer, and sound is
	// never: with discontinuous transmission a packet comes every 400 ms at the latest, but
	// nobody sends one track as two. It is more than what Wi-Fi holds back now and then, so that
	// two sources that are both alive do not take a track from each other.
	// Nothing is lost by waiting: what the new one sends meanwhile is kept.
	handover = 250 * time.Millisecond
	// maxRival bounds what is kept of it, in bytes: as much as comes in that time at 16 Mbit/s.
	maxRival = 512 << 10
	// repairsSettle is how long after a change of the source old retransmissions may come,
	// under numbers that mean other packets now.
	repairsSettle = time.Second
	// toldChanges is how many changes of a track the log tells.
	toldChanges = 16
)

// inTrack is a track that a publisher sends, or a layer of it. One source at a time is
// its owner.
type inTrack struct {
	codec     negotiate.Format
	section   *section
	writer    PacketWriter
	keyframes *keyframeRequests

	owner     *mediaSource
	reception *trackReception // of the owner
	began     time.Time       // of the owner
	last      time.Time       // when its newest packet came
	changes   int
	rival     rival
}

// rival is a source that sends a track beside its owner. The zero value is none.
type rival struct {
	source  *mediaSource
	since   time.Time
	last    time.Time
	packets [][]byte // what it has sent
	bytes   int
}

// contend takes a packet of a source that is not the owner of its track: the source
// becomes it when the owner is silent, and is kept in mind until then.
func (in *ingest) contend(t *inTrack, src *mediaSource, raw []byte, now time.Time) error {
	if len(in.packet.Payload) == 0 || in.packet.PayloadType != t.codec.PayloadType {
		if in.packet.PayloadType != t.codec.PayloadType {
			in.notExpected(in.packet.PayloadType, now)
		}
		return nil
	}
	r := &t.rival
	switch {
	case r.source == src:
	case r.source != nil && now.Sub(r.last) < handover:
		in.drop(dropRival, 1) // of a third one
		return nil
	default:
		*r = rival{source: src, since: now}
	}
	if t.last.After(r.since.Add(handover)) { // the owner lives on beside it
		in.drop(dropRival, len(r.packets))
		r.packets, r.bytes, r.since = nil, 0, now
	}
	r.last = now
	if r.bytes+len(raw) > maxRival { // half a picture is of no use to anybody
		in.drop(dropRival, len(r.packets)+1)
		r.packets = nil
	} else {
		r.packets = append(r.packets, slices.Clone(raw))
	}
	r.bytes += len(raw)
	if now.Sub(t.last) < handover {
		return nil
	}
	return in.handOver(t, now)
}

// handOver makes the rival the owner of the track. Its numbers and timestamps have
// nothing to do with those before.
func (in *ingest) handOver(t *inTrack, now time.Time) error {
	src, packets := t.rival.source, t.rival.packets
	in.session.engine.metrics.sourceChanges.Inc()
	if t.changes++; t.changes <= toldChanges {
		in.session.engine.settings.log.Info("the publisher goes on under another SSRC",
			"session", in.session.id, "mid", src.key.mid, "rid", src.key.rid, "silent", now.Sub(t.last).Round(time.Millisecond))
	}
	t.reception.unbind()
	t.owner, t.rival, t.began = src, rival{}, now
	t.reception = in.reception.bind(src.ssrc, payloadUse{section: t.section, codec: t.codec})
	t.keyframes.media.Store(src.ssrc)
	if w, ok := t.writer.(SourceWriter); ok {
		w.ChangeSource()
	}
	if len(packets) == 0 {
		t.last = now
		t.keyframes.request()
	}
	for _, raw := range packets {
		if in.packet.Unmarshal(raw) != nil {
			continue // it was parsed before
		}
		t.reception.arrived(&in.packet.Header, raw)
		if err := in.deliver(t, now); err != nil {
			return err
		}
	}
	return nil
}

// repairedBy says whether a source of retransmissions repeats what the owner has sent, and
// not what another one did before.
func (t *inTrack) repairedBy(src *mediaSource, now time.Time) bool {
	return !src.first.Before(t.began) || t.changes == 0 || now.Sub(t.began) >= repairsSettle
}
