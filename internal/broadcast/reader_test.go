package broadcast_test

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/pion/rtp"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
)

func read(t *testing.T, b *broadcast.Broadcaster, cfg broadcast.ReaderConfig) *broadcast.Reader {
	t.Helper()
	r, err := b.Read("cam", cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// drain returns what is there to read.
func drain(r *broadcast.Reader) (packets []broadcast.Packet) {
	for p, ok := r.Poll(); ok; p, ok = r.Poll() {
		packets = append(packets, p)
	}
	return packets
}

// Whoever reads so slowly that the ring goes round is told how much is gone, and goes on at the newest keyframe.
func TestReaderIsOverrun(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		p, err := b.Publish("cam", broadcast.PublisherConfig{Kinds: []codec.Kind{codec.Video}})
		if err != nil {
			t.Fatal(err)
		}
		l, err := p.AddLayer(broadcast.LayerConfig{Codec: vp8})
		if err != nil {
			t.Fatal(err)
		}
		index := uint32(0)
		write := func(n int, keyed func(i uint32) bool) {
			for range n {
				payload := binary.BigEndian.AppendUint32([]byte{0x10, 1}, index)
				if keyed(index) {
					payload[1] = 0
				}
				if err := l.WriteRTP(&rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(index), Timestamp: index * 3000, Marker: true}, Payload: payload}); err != nil {
					t.Fatal(err)
				}
				index++
				time.Sleep(frameTime)
			}
		}
		indexOf := func(p broadcast.Packet) uint64 { return uint64(binary.BigEndian.Uint32(p.Payload[2:])) }
		every := func(i uint32) bool { return i%50 == 0 }
		write(10, every)
		r := read(t, b, broadcast.ReaderConfig{Passive: true})
		defer r.Close()
		if got := drain(r); len(got) != 10 || got[0].Break != broadcast.BreakStart || got[0].Skipped != 0 {
			t.Fatalf("%d packets, the first %+v", len(got), got)
		}
		write(40_000, every)
		got := drain(r)
		if len(got) == 0 || got[0].Break != broadcast.BreakOverrun || !got[0].Keyframe || indexOf(got[0]) != 40_000 || got[0].Skipped != 40_000-10 || got[0].Lost != 0 {
			t.Fatalf("after an overrun: %+v", got)
		}
		if len(got) != 10 {
			t.Errorf("%d packets from the newest keyframe on, want 10", len(got))
		}
		// Without a keyframe that is still there, it goes on with the next one.
		write(40_000, func(uint32) bool { return false })
		if got := drain(r); len(got) > 0 {
			t.Fatalf("without a keyframe: %+v", got[0])
		}
		write(150, every)
		if got = drain(r); len(got) == 0 || got[0].Break != broadcast.BreakOverrun || !got[0].Keyframe || indexOf(got[0])-got[0].Skipped != 40_010 {
			t.Fatalf("with the next keyframe: %+v", got)
		}
	})
}

// A clip begins at the newest keyframe that is as old as is wanted, or at the oldest one that is kept.
func TestReaderBeginsInThePast(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publishCodec(t, b, vp8, 30)
		began := time.Now()
		cam.run(10*time.Second + frameTime)
		now := time.Now()
		for back, want := range map[time.Duration]time.Duration{
			0: 10 * time.Second, 100 * time.Millisecond: 9 * time.Second, 3500 * time.Millisecond: 6 * time.Second, time.Hour: 0,
		} {
			r := read(t, b, broadcast.ReaderConfig{Back: back})
			got := drain(r)
			r.Close()
			if len(got) == 0 {
				t.Fatalf("back %v: nothing", back)
			}
			first := got[0]
			if off := first.Arrived.Sub(began) - want; off.Abs() > 50*time.Millisecond || !first.Keyframe {
				t.Errorf("back %v: begins %v after the stream, want %v; keyframe %v", back, first.Arrived.Sub(began), want, first.Keyframe)
			}
			if last := got[len(got)-1]; now.Sub(last.Arrived) > 2*frameTime {
				t.Errorf("back %v: ends %v ago", back, now.Sub(last.Arrived))
			}
			if off := first.Captured.Sub(first.Arrived).Abs(); off > 50*time.Millisecond {
				t.Errorf("back %v: captured %v from when it arrived", back, off)
			}
		}
	})
}

// Sound begins with the picture, and both come in the order in which they arrived.
func TestReaderReadsSoundAndPicture(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		p := both(t, b, "cam", "")
		cam, mic := addCamera(t, p), addMicrophone(t, p, opus)
		for i := range 60 {
			if cam.keyEvery = 20; i > 0 {
				mic.sound()
			}
			cam.picture()
			time.Sleep(frameTime)
		}
		r := read(t, b, broadcast.ReaderConfig{Back: time.Second})
		defer r.Close()
		kinds := map[codec.Kind]int{}
		var last time.Time
		for i, p := range drain(r) {
			if p.Arrived.Before(last) {
				t.Fatalf("packet %d came %v before the last one", i, last.Sub(p.Arrived))
			}
			if last = p.Arrived; i == 0 && !p.Keyframe {
				t.Errorf("begins with %+v", p)
			}
			kinds[p.Kind]++
		}
		if kinds[codec.Video] == 0 || kinds[codec.Audio] == 0 {
			t.Errorf("packets %v", kinds)
		}
		sound := read(t, b, broadcast.ReaderConfig{Kinds: []codec.Kind{codec.Audio}, Back: time.Second})
		defer sound.Close()
		for _, p := range drain(sound) {
			if p.Kind != codec.Audio || p.Keyframe {
				t.Fatalf("sound only: %+v", p)
			}
		}
	})
}

// A reader that does not stay ends as viewers do; one that does goes on with the next publisher.
func TestReaderOutlivesPublishers(t *testing.T) {
	bubble(t, broadcast.Config{Grace: 5 * time.Second}, func(t *testing.T, b *broadcast.Broadcaster) {
		if _, err := b.Read("cam", broadcast.ReaderConfig{}); !errors.Is(err, broadcast.ErrNoPublisher) {
			t.Errorf("of nobody: %v", err)
		}
		early := read(t, b, broadcast.ReaderConfig{Stays: true})
		cam := publishCodec(t, b, vp8, 30)
		cam.run(time.Second)
		if got := drain(early); len(got) != 30*frameParts || got[0].Break != broadcast.BreakStart {
			t.Errorf("%d packets", len(got))
		}
		guest := read(t, b, broadcast.ReaderConfig{})
		// Both have the tail to read when it is too late to ask for it.
		cam.run(time.Second)
		cam.publisher.Close(nil)
		for name, r := range map[string]*broadcast.Reader{"early": early, "guest": guest} {
			if got := drain(r); len(got) < 30*frameParts {
				t.Errorf("%s: %d packets", name, len(got))
			}
		}
		_, err := guest.Next(t.Context())
		wantEnd(t, guest, broadcast.ErrPublisherGone)
		if !errors.Is(err, broadcast.ErrPublisherGone) {
			t.Errorf("after the grace time: %v", err)
		}
		guest.Close()
		time.Sleep(time.Hour)
		next := publishCodec(t, b, h264, 30)
		next.picture()
		p, err := early.Next(t.Context())
		if err != nil || p.Break != broadcast.BreakPublisher || !p.Keyframe || p.Encoding.Codec.Name() != "H264" {
			t.Errorf("of the next publisher: %+v, %v", p, err)
		}
		early.Close()
		early.Close()
		if _, err := early.Next(t.Context()); !errors.Is(err, broadcast.ErrReaderClosed) {
			t.Errorf("after Close: %v", err)
		}
		next.publisher.Close(nil)
		if infos := b.Streams(); len(infos) > 0 {
			t.Errorf("%+v is left", infos)
		}
	})
}

// Waiting ends with the context, with Close, and with the Broadcaster.
func TestReaderStopsWaiting(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r := read(t, b, broadcast.ReaderConfig{Stays: true})
		if _, err := r.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("when the context ends: %v", err)
		}
		time.AfterFunc(time.Second, r.Close)
		if _, err := r.Next(t.Context()); !errors.Is(err, broadcast.ErrReaderClosed) {
			t.Errorf("when it is closed: %v", err)
		}
		other := read(t, b, broadcast.ReaderConfig{Stays: true})
		time.AfterFunc(time.Second, func() { _ = b.Close() })
		if _, err := other.Next(t.Context()); !errors.Is(err, broadcast.ErrClosed) {
			t.Errorf("when the broadcaster is: %v", err)
		}
		other.Close()
	})
}

// Readers hold no viewers' places, and have a limit of their own.
func TestReadersCountApart(t *testing.T) {
	bubble(t, broadcast.Config{MaxViewers: 1, MaxReaders: 2}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 30)
		cam.picture()
		first, second := read(t, b, broadcast.ReaderConfig{}), read(t, b, broadcast.ReaderConfig{})
		if _, err := b.Read("cam", broadcast.ReaderConfig{}); !errors.Is(err, broadcast.ErrTooManyReaders) {
			t.Errorf("a third: %v", err)
		}
		watch(t, b, nil)
		if info, _ := b.Stream("cam"); info.Viewers != 1 || info.Readers != 2 {
			t.Errorf("%d viewers and %d readers, want 1 and 2", info.Viewers, info.Readers)
		}
		first.Close()
		first.Close()
		third := read(t, b, broadcast.ReaderConfig{})
		third.Close()
		second.Close()
		if info, _ := b.Stream("cam"); info.Readers != 0 {
			t.Errorf("%d readers are left", info.Readers)
		}
	})
}

// Who is passive changes nothing: no keyframe is asked for, no source is woken up.
func TestPassiveReaderChangesNothing(t *testing.T) {
	for _, passive := range []bool{true, false} {
		bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
			a, err := b.Announce("cam", "camera")
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			r := read(t, b, broadcast.ReaderConfig{Stays: true, Passive: passive})
			defer r.Close()
			if a.Watched() == passive {
				t.Errorf("passive %v: the source is wanted: %v", passive, a.Watched())
			}
			cam := publish(t, b, 0)
			cam.frame = 1 // in the middle of a group of pictures
			for range 30 {
				cam.picture()
				drain(r)
				time.Sleep(frameTime)
			}
			if asked := cam.requests() > 0; asked == passive {
				t.Errorf("passive %v: a keyframe was asked for: %v", passive, asked)
			}
		})
	}
}

// A reader gets the encoding that it names, else the best, and another one while nothing comes of it.
func TestReaderChoosesAnEncoding(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		encoders := simulcast(t, b, three, "q", "h", "f")
		send := func(d time.Duration, which ...*encoder) {
			for range int(d / frameTime) {
				for _, e := range which {
					e.picture(t, 0, frameParts)
				}
				time.Sleep(frameTime)
			}
		}
		send(2*time.Second, encoders...)
		best := read(t, b, broadcast.ReaderConfig{})
		defer best.Close()
		named := read(t, b, broadcast.ReaderConfig{Choice: broadcast.Choice{RID: "h"}})
		defer named.Close()
		rids := func(r *broadcast.Reader) (rids []string) {
			for _, p := range drain(r) {
				if p.Break != broadcast.NoBreak {
					rids = append(rids, p.Encoding.RID+" "+p.Break.String())
				}
			}
			return rids
		}
		check := func(when string, r *broadcast.Reader, want ...string) {
			t.Helper()
			if got := rids(r); len(got) != len(want) || len(got) > 0 && got[0] != want[0] {
				t.Errorf("%s: %v, want %v", when, got, want)
			}
		}
		check("the best", best, "f start")
		check("by name", named, "h start")
		for range 60 { // f and h have stopped
			send(100*time.Millisecond, encoders[0])
			if got := rids(best); len(got) > 0 && got[0] != "q encoding" {
				t.Errorf("while only q comes: %v", got)
			}
			rids(named)
		}
		var changed []string
		for range 60 {
			send(100*time.Millisecond, encoders...)
			changed = append(changed, rids(named)...)
			rids(best)
		}
		if len(changed) != 1 || changed[0] != "h encoding" {
			t.Errorf("when h is back: %v", changed)
		}
	})
}

// While the publisher is away, who reads what viewers see gets the fallback, and who does not gets nothing.
func TestReaderOfAFallback(t *testing.T) {
	bubble(t, withSlate(), func(t *testing.T, b *broadcast.Broadcaster) {
		slate, cam := publishAs(t, b, "slate", vp8, 30), publishCodec(t, b, vp8, 30)
		both := func(pictures int) {
			for range pictures {
				slate.picture()
				cam.picture()
				time.Sleep(frameTime)
			}
		}
		both(10)
		seen := read(t, b, broadcast.ReaderConfig{Fallback: true})
		own := read(t, b, broadcast.ReaderConfig{Stays: true})
		guest := read(t, b, broadcast.ReaderConfig{})
		defer func() { seen.Close(); own.Close(); guest.Close() }()
		both(10)
		cam.publisher.Close(nil)
		slate.run(time.Second) // they read late: the publisher's last pictures come first
		breaks := func(r *broadcast.Reader) (breaks []broadcast.Break, packets int) {
			for _, p := range drain(r) {
				packets++
				if p.Break != broadcast.NoBreak {
					breaks = append(breaks, p.Break)
				}
			}
			return breaks, packets
		}
		if got, n := breaks(seen); len(got) != 2 || got[1] != broadcast.BreakPublisher || n <= 20*frameParts {
			t.Errorf("with the fallback: breaks %v in %d packets", got, n)
		}
		if got, n := breaks(own); len(got) != 1 || n != 20*frameParts {
			t.Errorf("without: breaks %v in %d packets", got, n)
		}
		slate.run(time.Minute)
		wantEnd(t, guest, broadcast.ErrPublisherGone)
		if seen.Err() != nil || own.Err() != nil {
			t.Errorf("the others end with %v and %v", seen.Err(), own.Err())
		}
		breaks(seen)
		cam = publishCodec(t, b, vp8, 30)
		both(10)
		for name, r := range map[string]*broadcast.Reader{"with the fallback": seen, "without": own} {
			if got, n := breaks(r); len(got) != 1 || got[0] != broadcast.BreakPublisher || n < 10*frameParts {
				t.Errorf("%s, when the publisher is back: breaks %v in %d packets", name, got, n)
			}
		}
	})
}
