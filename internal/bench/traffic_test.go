package main

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
)

func TestTrafficIsAStreamOf2550Kilobits(t *testing.T) {
	v := newVideo(usualGOP)
	if rate := v.packetRate(); rate < 308 || rate > 314 {
		t.Errorf("%v packets a second", rate)
	}
	if rate := v.bitRate(); rate < 2.5e6 || rate > 2.6e6 {
		t.Errorf("%v bits a second", rate)
	}
	if n := bytesOf(v.keyframe); n < 39_000 || n > 41_000 {
		t.Errorf("a keyframe has %d bytes", n)
	}
	for _, parts := range [][][]byte{v.keyframe, v.picture} {
		for i, p := range parts {
			if len(p) > 1200 {
				t.Errorf("packet %d has %d bytes of payload", i, len(p))
			}
		}
	}
}

// Porthole starts viewers at keyframes and reads the size of the picture: both
// must be found in what is sent.
func TestTrafficIsVideoForPorthole(t *testing.T) {
	b := broadcast.New(broadcast.Config{})
	defer b.Close()
	publisher, err := b.Publish("x", broadcast.PublisherConfig{Kinds: []codec.Kind{codec.Video}})
	if err != nil {
		t.Fatal(err)
	}
	c := codec.Codec{MimeType: "video/H264", ClockRate: clockRate}
	layer, err := publisher.AddLayer(broadcast.LayerConfig{Codec: c})
	if err != nil {
		t.Fatal(err)
	}
	v, sequence := newVideo(usualGOP), uint16(0)
	for frame := range 2 * frameRate * 2 {
		key := false
		parts := v.next(false)
		for i, payload := range parts {
			key = key || codec.IsKeyframe(c, payload)
			if err := layer.WriteRTP(&rtp.Packet{Header: header(sequence, uint32(frame*clockRate/frameRate), i, len(parts)), Payload: payload}); err != nil {
				t.Fatal(err)
			}
			sequence++
		}
		if want := frame%(2*frameRate) == 0; key != want {
			t.Errorf("picture %d: keyframe is %v", frame, key)
		}
	}
	info, _ := b.Stream("x")
	if len(info.Tracks) != 1 || info.Tracks[0].Width != 1280 || info.Tracks[0].Height != 720 {
		t.Errorf("the stream is %+v", info)
	}
}

func TestAKeyframeOnRequestBeginsANewGroup(t *testing.T) {
	v := newVideo(time.Second)
	key := func(requested bool) bool { return len(v.next(requested)) == len(v.keyframe) }
	if !key(false) {
		t.Error("the first picture is no keyframe")
	}
	for range 9 {
		if key(false) {
			t.Error("a keyframe came too early")
		}
	}
	if !key(true) {
		t.Error("no keyframe on request")
	}
	for range frameRate - 1 {
		if key(false) {
			t.Error("a keyframe came too early after a request")
		}
	}
	if !key(false) {
		t.Error("no keyframe at the end of a group")
	}
}

func TestALateFrameDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := errors.New("enough")
		begin := time.Now()
		err := everyFrame(t.Context(), func(frame int) error {
			switch frame {
			case 3:
				time.Sleep(100 * time.Millisecond) // three frames
			case frameRate:
				return stop
			}
			return nil
		})
		if took := time.Since(begin); !errors.Is(err, stop) || took != time.Second {
			t.Errorf("%d frames took %v: %v", frameRate, took, err)
		}
	})
}

// The time of sending goes with a picture in two ways: to nobody's microsecond in its
// timestamp, exactly in its last packet.
func TestPicturesTellWhenTheyWereSent(t *testing.T) {
	now := time.Now()
	for i := range 2000 {
		sent := now.Add(time.Duration(i) * 7 * time.Hour / 3)
		if d := sinceTimestamp(timestampOf(sent), sent.Add(3*time.Millisecond)); (d - 3*time.Millisecond).Abs() > 25*time.Microsecond {
			t.Fatalf("%v: sent %v ago, want 3ms", sent, d)
		}
	}
	v := newVideo(usualGOP)
	for range 2 {
		parts := v.next(false)
		before := bytesOf(parts)
		got := stamped(parts, now)
		for i, p := range got {
			at, ok := sentAt(p)
			if want := i == len(got)-1; ok != want || ok && !at.Equal(now) {
				t.Errorf("packet %d of %d: sent at %v, %v", i, len(got), at, ok)
			}
		}
		if _, ok := sentAt(parts[len(parts)-1]); ok && bytesOf(got) != before {
			t.Error("another size")
		}
	}
}
