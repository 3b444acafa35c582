package broadcast_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
	"porthole/internal/events"
)

func TestStreamHasOnePublisher(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 30)
		if _, err := b.Publish("cam", broadcast.PublisherConfig{}); !errors.Is(err, broadcast.ErrStreamBusy) {
			t.Errorf("a second publisher: %v", err)
		}
		cam.publisher.Close(nil)
		cam.publisher.Close(nil)
		publish(t, b, 30)
	})
}

// The same publisher, which was not heard of leaving, takes over from itself, and
// its viewers see one stream.
func TestSamePublisherTakesOver(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cfg := broadcast.PublisherConfig{Kinds: []codec.Kind{codec.Audio}, Key: "obs"}
		first, err := b.Publish("cam", cfg)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = first.AddLayer(broadcast.LayerConfig{Codec: opus}); err != nil {
			t.Fatal(err)
		}
		viewer, err := b.Join("cam")
		if err != nil {
			t.Fatal(err)
		}
		defer viewer.Close(nil)
		for _, key := range []string{"", "somebody else"} {
			if _, err = b.Publish("cam", broadcast.PublisherConfig{Key: key}); !errors.Is(err, broadcast.ErrStreamBusy) {
				t.Errorf("key %q: %v", key, err)
			}
		}
		second, err := b.Publish("cam", cfg)
		if err != nil {
			t.Fatal(err)
		}
		if first.Err() != nil {
			t.Errorf("the first publisher ends before the second one sends: %v", first.Err())
		}
		if _, err = second.AddLayer(broadcast.LayerConfig{Codec: opus}); err != nil {
			t.Fatal(err)
		}
		if !errors.Is(first.Err(), broadcast.ErrReplaced) {
			t.Errorf("the first publisher: %v", first.Err())
		}
		first.Close(errors.New("late")) // it learns of it later, and disturbs nobody
		if info, ok := b.Stream("cam"); !ok || info.Viewers != 1 || info.Source != cfg.Source || viewer.Err() != nil || second.Err() != nil {
			t.Errorf("afterwards: %+v, viewer %v, second %v", info, viewer.Err(), second.Err())
		}
		second.Close(nil)
	})
}

// Who asks to take over and never sends disturbs nobody, however often.
func TestTakeoverThatDoesNotCome(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cfg := broadcast.PublisherConfig{Kinds: []codec.Kind{codec.Audio}, Key: "obs"}
		publish := func() *broadcast.Publisher {
			p, err := b.Publish("cam", cfg)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		first, bogus, second, third := publish(), publish(), publish(), publish()
		bogus.Close(errors.New("it did not connect"))
		if first.Err() != nil || second.Err() != nil {
			t.Fatalf("first %v, second %v", first.Err(), second.Err())
		}
		first.Close(nil) // now it is the turn of those that wait
		if _, err := b.Publish("cam", broadcast.PublisherConfig{Key: "somebody else"}); !errors.Is(err, broadcast.ErrStreamBusy) {
			t.Errorf("the stream is given away although somebody waits: %v", err)
		}
		if _, err := third.AddLayer(broadcast.LayerConfig{Codec: opus}); err != nil || !errors.Is(second.Err(), broadcast.ErrReplaced) {
			t.Errorf("third %v, second %v", err, second.Err())
		}
		publish()
		third.Close(nil)
		if _, ok := b.Stream("cam"); !ok {
			t.Error("the stream ended while somebody waited for it")
		}
	})
}

// A publisher that waits ends with the others when the server stops.
func TestWaitingPublisherEnds(t *testing.T) {
	b := broadcast.New(broadcast.Config{})
	cfg := broadcast.PublisherConfig{Kinds: []codec.Kind{codec.Audio}, Key: "obs"}
	var publishers []*broadcast.Publisher
	for range 3 {
		p, err := b.Publish("cam", cfg)
		if err != nil {
			t.Fatal(err)
		}
		publishers = append(publishers, p)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	for _, p := range publishers {
		wantEnd(t, p, broadcast.ErrClosed)
	}
}

// Two who have no key are not the same.
func TestNobodyTakesOverFromNobody(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 30)
		if _, err := b.Publish("cam", broadcast.PublisherConfig{Key: "obs"}); !errors.Is(err, broadcast.ErrStreamBusy) {
			t.Error(err)
		}
		if cam.publisher.Err() != nil {
			t.Error("the publisher without a key was replaced")
		}
	})
}

// A stream that is full keeps nobody out of another one.
func TestViewersOfAStreamAreLimited(t *testing.T) {
	bubble(t, broadcast.Config{MaxStreamViewers: 1}, func(t *testing.T, b *broadcast.Broadcaster) {
		for _, name := range []string{"one", "two"} {
			p, err := b.Publish(name, broadcast.PublisherConfig{Kinds: []codec.Kind{codec.Audio}})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close(nil)
			if _, err = p.AddLayer(broadcast.LayerConfig{Codec: opus}); err != nil {
				t.Fatal(err)
			}
			v, err := b.Join(name)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			defer v.Close(nil)
			if _, err = b.Join(name); !errors.Is(err, broadcast.ErrTooManyViewers) {
				t.Errorf("a second viewer of %s: %v", name, err)
			}
		}
	})
}

func TestJoinNeedsSomethingToSee(t *testing.T) {
	bubble(t, broadcast.Config{MaxViewers: 1}, func(t *testing.T, b *broadcast.Broadcaster) {
		join := func(want error) *broadcast.Viewer {
			t.Helper()
			v, err := b.Join("cam")
			if !errors.Is(err, want) {
				t.Errorf("Join: %v, want %v", err, want)
			}
			return v
		}
		join(broadcast.ErrNoPublisher)
		cam := publish(t, b, 0)
		join(broadcast.ErrNoPublisher) // connected, but nothing has come
		changes := b.Events().Listen(0, events.Changes)
		defer changes.Close()
		cam.picture()
		select {
		case <-changes.Ready():
		default:
			t.Error("going live was not told")
		}
		v := join(nil)
		join(broadcast.ErrTooManyViewers)
		v.Close(nil)
		join(nil).Close(nil)
		cam.publisher.Close(nil)
		join(broadcast.ErrNoPublisher)
		if s := b.Streams(); len(s) != 0 {
			t.Errorf("an abandoned stream is still there: %+v", s)
		}
	})
}

func TestStreamGoesLiveWithoutATrackThatNeverComes(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		p, _ := b.Publish("cam", broadcast.PublisherConfig{Kinds: []codec.Kind{codec.Audio, codec.Video}})
		l, _ := p.AddLayer(broadcast.LayerConfig{Codec: opus})
		_ = l.WriteRTP(&rtp.Packet{Payload: []byte("a")})
		if _, err := b.Join("cam"); !errors.Is(err, broadcast.ErrNoPublisher) {
			t.Errorf("joined before the picture had its time: %v", err)
		}
		time.Sleep(3 * time.Second)
		v, err := b.Join("cam")
		if err != nil {
			t.Fatal(err)
		}
		if c := v.Codecs(); len(c) != 1 || c[0] != opus {
			t.Errorf("codecs %v", c)
		}
		if _, err := p.AddLayer(broadcast.LayerConfig{Codec: codec.Codec{MimeType: "audio/PCMU"}}); err != nil {
			t.Errorf("a second layer: %v", err)
		}
	})
}

func TestUndeclaredTrackIsRefused(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 0)
		if _, err := cam.publisher.AddLayer(broadcast.LayerConfig{Codec: opus}); !errors.Is(err, broadcast.ErrKindNotDeclared) {
			t.Errorf("got %v", err)
		}
	})
}

func TestViewersContinueWithTheNextPublisher(t *testing.T) {
	bubble(t, broadcast.Config{Grace: 10 * time.Second}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 30)
		cam.picture()
		v, s := watch(t, b, nil)
		cam.run(time.Second)
		cam.publisher.Close(nil)
		if err := cam.layer.WriteRTP(&rtp.Packet{Payload: []byte{1}}); err == nil {
			t.Error("a publisher that left can still write")
		}
		time.Sleep(9 * time.Second)

		cam = publish(t, b, 30)
		cam.seq, cam.timestamp = 7, 99 // nothing is as it was
		cam.run(time.Second)
		got := s.take()
		checkContiguous(t, got)
		if want := 31*frameParts + 30*frameParts; len(got) != want {
			t.Errorf("got %d packets of both, want %d", len(got), want)
		}
		pause := got[31*frameParts].Timestamp - got[31*frameParts-1].Timestamp
		if d := time.Duration(pause) * time.Second / 90_000; d < 9*time.Second || d > 9100*time.Millisecond {
			t.Errorf("timestamps moved by %v over the pause of 9 s", d)
		}
		time.Sleep(20 * time.Second)
		if v.Err() != nil {
			t.Errorf("the viewer ended: %v", v.Err())
		}
	})
}

func TestViewersGiveUpAfterTheGraceTime(t *testing.T) {
	bubble(t, broadcast.Config{Grace: 10 * time.Second}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 30)
		cam.picture()
		v, _ := watch(t, b, nil)
		cam.publisher.Close(nil)
		time.Sleep(11 * time.Second)
		wantEnd(t, v, broadcast.ErrPublisherGone)
		v.Close(nil)
		if s := b.Streams(); len(s) != 0 {
			t.Errorf("the stream is still there: %+v", s)
		}
	})
}

func TestViewerThatCannotPlayTheNextCodecEnds(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 30)
		cam.picture()
		only, _ := watch(t, b, nil)
		both, s := watch(t, b, func(c *broadcast.ViewerConfig) {
			c.Video.Accepts = func(codec.Codec) bool { return true }
		})
		cam.run(time.Second)
		cam.publisher.Close(nil)
		s.take()
		cam = publishCodec(t, b, vp8, 30)
		cam.run(time.Second)
		wantEnd(t, only, broadcast.ErrCodecChanged)
		if both.Err() != nil || len(s.take()) == 0 {
			t.Errorf("the viewer that can play it did not go on: %v", both.Err())
		}
	})
}

func TestPublisherThatStartsItsNumbersAnewIsBridged(t *testing.T) {
	for name, jump := range map[string]func(*camera){
		"sequence numbers": func(c *camera) { c.seq += 20_000 },
		"timestamps":       func(c *camera) { c.timestamp -= 500 * 90_000 },
		"both":             func(c *camera) { c.seq, c.timestamp = 0, 0 },
		// Monotonic time does not count what a machine slept.
		"we slept for an hour":       func(c *camera) { c.timestamp += 3600 * 90_000 },
		"it slept, and we did not":   func(*camera) { time.Sleep(15 * time.Second) },
		"both slept, it counts that": func(c *camera) { time.Sleep(15 * time.Second); c.timestamp += 15 * 90_000 },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
				cam := publish(t, b, 15)
				cam.picture()
				_, s := watch(t, b, nil)
				cam.run(time.Second)
				jump(cam)
				cam.run(2 * time.Second)
				got := s.take()
				checkContiguous(t, got)
				if late := time.Since(got[len(got)-1].at); late > 2*frameTime {
					t.Errorf("the viewer stopped %v ago", late)
				}
				for i := 1; i < len(got); i++ {
					passed := got[i].at.Sub(got[i-1].at)
					if d := time.Duration(got[i].Timestamp-got[i-1].Timestamp) * time.Second / 90_000; d > passed+time.Second {
						t.Errorf("timestamps jumped by %v in %v", d, passed)
					}
				}
			})
		})
	}
}

func TestBestSimulcastLayerIsWatched(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		p, _ := b.Publish("cam", broadcast.PublisherConfig{Kinds: []codec.Kind{codec.Video}})
		low, _ := p.AddLayer(broadcast.LayerConfig{Codec: h264, RID: "q"})
		high, _ := p.AddLayer(broadcast.LayerConfig{Codec: h264, RID: "f"})
		i := 0
		run := func(d time.Duration) {
			for range int(d / frameTime) {
				head := "\x41"
				if i%30 == 0 {
					head = "\x65"
				}
				for l, size := range map[*broadcast.Layer]int{low: 100, high: 1000} {
					_ = l.WriteRTP(&rtp.Packet{
						Header:  rtp.Header{SequenceNumber: uint16(i), Timestamp: uint32(i * frameTicks), Marker: true},
						Payload: append([]byte(head), make([]byte, size)...),
					})
				}
				i++
				time.Sleep(frameTime)
			}
		}
		run(frameTime)
		_, s := watch(t, b, nil)
		run(5 * time.Second)
		got := s.take()
		checkContiguous(t, got)
		if last := got[len(got)-1]; len(last.payload) != 1001 {
			t.Errorf("watching the layer with packets of %d bytes", len(last.payload))
		}
		if info, _ := b.Stream("cam"); len(info.Tracks) != 2 || info.Tracks[1].RID != "f" || info.Tracks[1].Bitrate < 200_000 {
			t.Errorf("stream info %+v", info)
		}
	})
}

func TestCloseEndsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := broadcast.New(broadcast.Config{})
		cam := publish(t, b, 30)
		cam.picture()
		v, _ := watch(t, b, nil)
		_ = b.Close()
		_ = b.Close()
		wantEnd(t, v, broadcast.ErrClosed)
		wantEnd(t, cam.publisher, broadcast.ErrClosed)
		v.Close(nil)
		if _, err := b.Publish("cam", broadcast.PublisherConfig{}); !errors.Is(err, broadcast.ErrClosed) {
			t.Errorf("Publish after Close: %v", err)
		}
		if _, err := b.Join("cam"); !errors.Is(err, broadcast.ErrClosed) {
			t.Errorf("Join after Close: %v", err)
		}
	})
}

func TestH264CodecIsTheOneReallySent(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 30)
		sps := "\x67\x64\x00\x28\xac\xd9\x40\x78\x02\x27\xa9\xb0\x11\x00\x00\x03\x00\x01\x00\x00\x03\x00\x32\x0f\x18\x31\x96"
		_ = cam.layer.WriteRTP(&rtp.Packet{Header: rtp.Header{SequenceNumber: cam.seq, Timestamp: cam.timestamp}, Payload: []byte(sps)})
		cam.seq++
		cam.picture()
		v, s := watch(t, b, nil)
		if got, want := v.Codecs()[0].Fmtp, "packetization-mode=1;profile-level-id=640028"; got != want {
			t.Errorf("fmtp %q, want %q", got, want)
		}
		info, _ := b.Stream("cam")
		if tr := info.Tracks[0]; tr.Width != 1918 || tr.Height != 1078 {
			t.Errorf("size %dx%d", tr.Width, tr.Height)
		}
		synctest.Wait()
		if got := s.take(); got[0].payload != sps {
			t.Errorf("began with %q, want the parameter set before the keyframe", got[0].payload)
		}
	})
}
