package broadcast_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"

	"porthole/internal/broadcast"
)

func TestKeyframeIsTheNewestWholeOne(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		if _, err := b.Keyframe("cam"); !errors.Is(err, broadcast.ErrNoPublisher) {
			t.Errorf("without a publisher: %v", err)
		}
		cam := publishCodec(t, b, vp8, 0)
		if _, err := b.Keyframe("cam"); !errors.Is(err, broadcast.ErrNoKeyframe) {
			t.Errorf("before the first picture: %v", err)
		}
		began := time.Now()
		cam.run(time.Second)
		k, err := b.Keyframe("cam")
		if err != nil {
			t.Fatal(err)
		}
		var parts []string
		for _, p := range k.Payloads {
			parts = append(parts, string(p))
		}
		if want := []string{"\x10\x00 key", "\x00\x01 rest", "\x00\x01 rest", "\x00\x01 rest"}; !slices.Equal(parts, want) {
			t.Errorf("payloads %q, want the four of the first picture", parts)
		}
		if off := k.At.Sub(began).Abs(); off > time.Millisecond || k.Codec.Name() != "VP8" {
			t.Errorf("a %s keyframe, %v after the first picture came", k.Codec.Name(), off)
		}
		if n := cam.requests(); n != 1 { // when there was none yet
			t.Errorf("%d keyframes were asked for while the newest was fresh", n)
		}
		cam.run(20 * time.Second) // two are asked for meanwhile, to see whether the publisher answers
		if _, err := b.Keyframe("cam"); err != nil {
			t.Fatal(err)
		}
		cam.run(time.Second)
		renewed, err := b.Keyframe("cam")
		if err != nil || renewed.At.Sub(k.At) < 12*time.Second {
			t.Errorf("reading an old keyframe brought no new one: %v later, %v", renewed.At.Sub(k.At), err)
		}
	})
}

// A keyframe whose packets came in another order is whole; one with a hole is not.
func TestKeyframeOutOfOrder(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publishCodec(t, b, vp8, 0)
		write := func(seq uint16, timestamp uint32, marker bool, payload string) {
			t.Helper()
			err := cam.layer.WriteRTP(&rtp.Packet{
				Header:  rtp.Header{SequenceNumber: seq, Timestamp: timestamp, Marker: marker},
				Payload: []byte(payload),
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		write(65534, 9000, false, "\x10\x00 a")
		write(0, 9000, true, "\x00 c")
		if _, err := b.Keyframe("cam"); !errors.Is(err, broadcast.ErrNoKeyframe) {
			t.Errorf("with a packet missing: %v", err)
		}
		write(1, 12000, true, "\x10\x01 the next picture")
		write(65535, 9000, false, "\x00 b")
		k, err := b.Keyframe("cam")
		if err != nil || len(k.Payloads) != 3 || string(k.Payloads[1]) != "\x00 b" || string(k.Payloads[2]) != "\x00 c" {
			t.Errorf("payloads %q, %v", k.Payloads, err)
		}
	})
}
