package broadcast_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
)

// both makes the publisher of a picture and of sound; neither has come yet.
func both(t *testing.T, b *broadcast.Broadcaster, name, key string) *broadcast.Publisher {
	t.Helper()
	p, err := b.Publish(name, broadcast.PublisherConfig{Kinds: []codec.Kind{codec.Audio, codec.Video}, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// addCamera adds the picture of a publisher.
func addCamera(t *testing.T, p *broadcast.Publisher) *camera {
	t.Helper()
	c := &camera{t: t, publisher: p, seq: 65000, timestamp: 1 << 31}
	var err error
	if c.layer, err = p.AddLayer(broadcast.LayerConfig{Codec: h264, RequestKeyframe: c.request}); err != nil {
		t.Fatal(err)
	}
	return c
}

// microphone writes sound.
type microphone struct {
	t     *testing.T
	layer *broadcast.Layer
	seq   uint16
}

func addMicrophone(t *testing.T, p *broadcast.Publisher, of codec.Codec) *microphone {
	t.Helper()
	layer, err := p.AddLayer(broadcast.LayerConfig{Codec: of})
	if err != nil {
		t.Fatal(err)
	}
	return &microphone{t: t, layer: layer}
}

func (m *microphone) sound() {
	m.t.Helper()
	m.seq++
	err := m.layer.WriteRTP(&rtp.Packet{
		Header: rtp.Header{SequenceNumber: m.seq, Timestamp: uint32(m.seq) * 960}, Payload: []byte("sound"),
	})
	if err != nil {
		m.t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond)
}

// foreseeing makes viewers who have agreed to Opus whatever the stream has.
func foreseeing(cfg *broadcast.ViewerConfig) { cfg.Audio.Foreseen = opus }

func count(packets []received, ssrc uint32) (n int) {
	for _, p := range packets {
		if p.SSRC == ssrc {
			n++
		}
	}
	return n
}

// Sound that begins after a viewer has come is heard where it was foreseen, and the
// picture goes on as if nothing had been.
func TestLateSoundIsHeard(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		p := both(t, b, "cam", "")
		cam := addCamera(t, p)
		cam.run(3 * time.Second) // as long as the sound is waited for, and longer
		v, s := watch(t, b, foreseeing)
		synctest.Wait()
		cam.run(time.Second)
		got := s.take()
		if count(got, videoSSRC) == 0 || count(got, audioSSRC) != 0 {
			t.Fatalf("before: %d of the picture, %d of sound", count(got, videoSSRC), count(got, audioSSRC))
		}
		mic := addMicrophone(t, p, opus)
		for range 50 {
			mic.sound()
			cam.picture()
		}
		got = append(got, s.take()...)
		if n := count(got, audioSSRC); n < 49 {
			t.Errorf("%d of 50 packets of sound", n)
		}
		var pictures []received
		for _, p := range got {
			if p.SSRC == videoSSRC {
				pictures = append(pictures, p)
			}
		}
		checkContiguous(t, pictures)
		if v.Err() != nil {
			t.Errorf("the viewer has ended: %v", v.Err())
		}
	})
}

// Who came while a silent fallback was shown hears the publisher.
func TestSoundAfterTheFallback(t *testing.T) {
	bubble(t, broadcast.Config{Fallbacks: map[string]string{"cam": "slate"}}, func(t *testing.T, b *broadcast.Broadcaster) {
		slate := publishAs(t, b, "slate", h264, 0)
		slate.run(time.Second)
		v, s := watch(t, b, foreseeing)
		synctest.Wait()
		slate.run(time.Second)
		if got := s.take(); count(got, videoSSRC) == 0 {
			t.Fatal("the fallback is not seen")
		}
		p := both(t, b, "cam", "")
		mic, cam := addMicrophone(t, p, opus), addCamera(t, p)
		for range 50 {
			mic.sound()
			cam.picture()
		}
		if got := s.take(); count(got, audioSSRC) < 40 || count(got, videoSSRC) < 40*frameParts {
			t.Errorf("%d packets of sound, %d of the picture", count(got, audioSSRC), count(got, videoSSRC))
		}
		if v.Err() != nil {
			t.Errorf("the viewer has ended: %v", v.Err())
		}
	})
}

// A viewer without a track for what comes is ended when a new session would get it:
// not before there is a keyframe, and not when it does not want it.
func TestLatePictureEndsWhoWantsIt(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		p := both(t, b, "cam", "")
		mic := addMicrophone(t, p, opus)
		for range 150 {
			mic.sound()
		}
		var asked atomic.Int32
		wants := func(answer bool) func(*broadcast.ViewerConfig) {
			return func(cfg *broadcast.ViewerConfig) {
				cfg.Video = nil
				cfg.Wants = func(c codec.Codec) bool {
					if c.Kind() != codec.Video {
						t.Errorf("asked about %s", c.MimeType)
					}
					asked.Add(1)
					return answer
				}
			}
		}
		wanting, _ := watch(t, b, wants(true))
		content, s := watch(t, b, wants(false))
		silent, _ := watch(t, b, func(cfg *broadcast.ViewerConfig) { cfg.Video = nil })
		cam := addCamera(t, p)
		cam.frame = 1 // no keyframe
		cam.picture()
		mic.sound()
		if wanting.Err() != nil || asked.Load() != 0 {
			t.Errorf("before the keyframe: %v, asked %d times", wanting.Err(), asked.Load())
		}
		cam.request()
		cam.picture()
		mic.sound()
		wantEnd(t, wanting, broadcast.ErrTrackAdded)
		s.take()
		for range 50 {
			cam.picture()
			mic.sound()
		}
		if asked.Load() != 2 {
			t.Errorf("asked %d times, want once for each viewer", asked.Load())
		}
		if n := count(s.take(), audioSSRC); content.Err() != nil || silent.Err() != nil || n < 49 {
			t.Errorf("who does not want it: %v and %v, %d packets", content.Err(), silent.Err(), n)
		}
	})
}

// Who is sent away comes back at once, and has to find all that made it leave: a new
// publisher's picture alone is no reason while its sound is still expected.
func TestViewersLeaveWhenAllHasCome(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		first, err := b.Publish("cam", broadcast.PublisherConfig{Kinds: []codec.Kind{codec.Audio}})
		if err != nil {
			t.Fatal(err)
		}
		mic := addMicrophone(t, first, opus)
		mic.sound()
		v, _ := watch(t, b, func(cfg *broadcast.ViewerConfig) {
			cfg.Video = nil
			cfg.Wants = func(codec.Codec) bool { return true }
		})
		first.Close(nil)
		p := both(t, b, "cam", "")
		cam := addCamera(t, p)
		cam.run(500 * time.Millisecond)
		if v.Err() != nil {
			t.Fatalf("ended without the sound: %v", v.Err())
		}
		addMicrophone(t, p, opus).sound()
		cam.picture()
		synctest.Wait()
		wantEnd(t, v, broadcast.ErrTrackAdded)
		if again, err := b.Join("cam"); err != nil || len(again.Codecs()) != 2 {
			t.Errorf("who comes back gets %v, %v", again, err)
		}
	})
}

// Sound of a codec that was not foreseen ends a viewer as any other codec does.
func TestForeseenWrongly(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		p := both(t, b, "cam", "")
		cam := addCamera(t, p)
		cam.run(3 * time.Second)
		v, _ := watch(t, b, foreseeing)
		mic := addMicrophone(t, p, codec.Codec{MimeType: "audio/PCMU", ClockRate: 8000})
		mic.sound()
		mic.sound()
		wantEnd(t, v, broadcast.ErrCodecChanged)
	})
}
