package broadcast_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
)

// ladder is a source with one encoding that always comes, and two that come while they are wanted.
type ladder struct {
	encoders []*encoder
	encoded  map[string]int // pictures, by encoding
	broken   bool           // those on demand never come
}

func newLadder(t *testing.T, b *broadcast.Broadcaster) *ladder {
	t.Helper()
	p, err := b.Publish("cam", broadcast.PublisherConfig{Kinds: []codec.Kind{codec.Video}, RIDs: []string{"f", "h", "q"}})
	if err != nil {
		t.Fatal(err)
	}
	l := &ladder{encoded: make(map[string]int)}
	for i, rid := range []string{"f", "h", "q"} {
		e := &encoder{rid: rid, size: three[rid], seq: uint16(1000 * i), ts: uint32(i) << 20}
		e.wanted.Store(true)
		e.layer, err = p.AddLayer(broadcast.LayerConfig{
			Codec: h264, RID: rid, RequestKeyframe: func() { e.asked.Add(1); e.wanted.Store(true) },
			Nominal:  broadcast.Nominal{Width: 1280 >> i, Height: 720 >> i, Bitrate: uint64(e.size) * frameParts * 8 * 30},
			OnDemand: i > 0,
		})
		if err != nil {
			t.Fatal(err)
		}
		l.encoders = append(l.encoders, e)
	}
	return l
}

// run sends pictures for so long, each encoding only while it is wanted.
func (l *ladder) run(t *testing.T, d time.Duration) {
	t.Helper()
	for range int(d / frameTime) {
		for i, e := range l.encoders {
			if !e.layer.Wanted() || l.broken && i > 0 {
				e.wanted.Store(true) // the next encoder starts with a keyframe
				e.ts += frameTicks
				continue
			}
			e.picture(t, 0, frameParts)
			l.encoded[e.rid]++
		}
		time.Sleep(frameTime)
	}
}

// take returns how many pictures were encoded since the last time, by encoding.
func (l *ladder) take() map[string]int {
	encoded := l.encoded
	l.encoded = make(map[string]int)
	return encoded
}

// An encoding that nobody watches costs nothing, and is in the choice all the same, with what it will be.
func TestEncodingOnDemandRestsAndIsKnown(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		l := newLadder(t, b)
		l.run(t, time.Second)
		v, s := watch(t, b, nil)
		l.run(t, 5*time.Second)
		if n := l.take(); n["h"] != 0 || n["q"] != 0 || v.Stats().RID != "f" {
			t.Errorf("encoded %v, sent %q, with one viewer of the best", n, v.Stats().RID)
		}
		if rids := checkSwitches(t, s.take(), 2*frameTime); fmt.Sprint(rids) != "[f]" {
			t.Errorf("it went %v", rids)
		}
		info, _ := b.Stream("cam")
		for i, want := range []broadcast.TrackInfo{
			{RID: "f", Width: 1280, Height: 720, Nominal: 960_000, Wanted: true},
			{RID: "h", Width: 640, Height: 360, Nominal: 288_000, OnDemand: true},
			{RID: "q", Width: 320, Height: 180, Nominal: 96_000, OnDemand: true},
		} {
			got := info.Tracks[i]
			got.Codec, got.Keyframes, got.KeyframeRequests, got.FrameRate, got.Bitrate = want.Codec, 0, 0, 0, 0
			if got.RID != want.RID || got.Width != want.Width || got.Height != want.Height || got.Nominal != want.Nominal ||
				got.OnDemand != want.OnDemand || got.Wanted != want.Wanted {
				t.Errorf("track %d is %+v, want %+v", i, got, want)
			}
		}
	})
}

// A wish starts the encoder with the next picture, the old picture goes on until then, and the encoder stops a while
// after the last viewer has left.
func TestWishStartsAnEncoding(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		l := newLadder(t, b)
		l.run(t, time.Second)
		v, s := watch(t, b, nil)
		l.run(t, 2*time.Second)
		l.take()
		s.take()
		v.Choose(broadcast.Choice{RID: "q"})
		chosen := time.Now()
		l.run(t, 10*time.Second)
		packets := s.take()
		if rids := checkSwitches(t, packets, 2*frameTime); fmt.Sprint(rids) != "[f q]" {
			t.Errorf("it went %v", rids)
		}
		first := packets[slices.IndexFunc(packets, func(p received) bool { return ridOf(p) == "q" })]
		if after := first.at.Sub(chosen); after > 3*frameTime {
			t.Errorf("the encoding began %v after the wish", after)
		}
		if n := l.take(); n["h"] != 0 || n["q"] < 295 {
			t.Errorf("encoded %v in 10 s", n)
		}
		v.Close(nil)
		l.run(t, 10*time.Second)
		if n := l.take()["q"]; n < 90 || n > 150 {
			t.Errorf("%d pictures were encoded after the viewer had left, want some seconds of them", n)
		}
	})
}

// Who comes back to an encoding that rested meanwhile begins with its new keyframe, not with what is left of the last time.
func TestEncodingBeginsAnewAfterARest(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		l := newLadder(t, b)
		l.run(t, time.Second)
		v, s := watch(t, b, nil)
		for _, rid := range []string{"q", "f", "q", "h", "q"} {
			v.Choose(broadcast.Choice{RID: rid})
			l.run(t, 8*time.Second)
			if got := v.Stats().RID; got != rid {
				t.Errorf("%q is sent, want %q", got, rid)
			}
		}
		rids := checkSwitches(t, s.take(), 2*frameTime)
		if rids[0] == "f" { // was sent before the first wish
			rids = rids[1:]
		}
		if fmt.Sprint(rids) != "[q f q h q]" {
			t.Errorf("it went %v", rids)
		}
		// A second viewer, who wants it from the start, gets it from the start.
		late, sent := watch(t, b, nil)
		late.Choose(broadcast.Choice{RID: "h"})
		l.run(t, time.Second)
		for _, p := range sent.take() {
			if rid := ridOf(p); rid == "q" {
				t.Fatalf("the second viewer was sent %q", rid)
			}
		}
		if got := late.Stats().RID; got != "h" {
			t.Errorf("the second viewer is sent %q", got)
		}
	})
}

// The server's choice brings encodings to work, too: they are known to be lower although nothing comes of them.
func TestLossStartsALowerEncoding(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		l := newLadder(t, b)
		l.run(t, 3*time.Second)
		v, s := watch(t, b, nil)
		highest := uint32(0)
		for second := range 24 {
			l.run(t, time.Second)
			lost := uint8(0)
			if second >= 3 && second < 6 {
				lost = 64
			}
			highest++
			v.HandleRTCP([]rtcp.Packet{&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{
				SSRC: videoSSRC, FractionLost: lost, LastSequenceNumber: highest,
			}}}})
		}
		if rids := checkSwitches(t, s.take(), 2*frameTime); fmt.Sprint(rids) != "[f h f]" {
			t.Errorf("it went %v", rids)
		}
		if n := l.take(); n["q"] != 0 {
			t.Errorf("encoded %v", n)
		}
	})
}

// An encoder that does not start keeps nobody from seeing what there is, and is tried again.
func TestEncodingThatNeverComes(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		l := newLadder(t, b)
		l.run(t, time.Second)
		v, s := watch(t, b, nil)
		l.broken = true
		l.run(t, time.Second)
		v.Choose(broadcast.Choice{RID: "h"})
		l.run(t, 20*time.Second)
		if rids := checkSwitches(t, s.take(), 2*frameTime); fmt.Sprint(rids) != "[f]" {
			t.Errorf("it went %v", rids)
		}
		l.broken = false
		l.run(t, 10*time.Second)
		if got := v.Stats().RID; got != "h" {
			t.Errorf("%q is sent when it comes at last", got)
		}
	})
}

// When the source itself pauses, viewers keep their encoding.
func TestPausedSourceChangesNothing(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		l := newLadder(t, b)
		l.run(t, time.Second)
		v, s := watch(t, b, nil)
		l.run(t, time.Second)
		time.Sleep(10 * time.Second)
		l.run(t, 2*time.Second)
		if got := v.Stats().RID; got != "f" {
			t.Errorf("%q is sent", got)
		}
		if n := l.take(); n["h"]+n["q"] != 0 {
			t.Errorf("encoded %v", n)
		}
		checkContiguous(t, s.take())
	})
}
