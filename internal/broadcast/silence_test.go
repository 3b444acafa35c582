package broadcast_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
	"porthole/internal/events"
)

// A publisher that was killed says no goodbye: its stream is stalled within 2 s, and
// live again with the next packet. Both are told.
func TestSilentPublisherIsStalled(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cam := publish(t, b, 30)
		for range 10 { // one picture a second is slow, and no more
			cam.picture()
			time.Sleep(time.Second)
			if info, _ := b.Stream("cam"); info.State != broadcast.StateLive {
				t.Fatalf("while pictures come: %+v", info)
			}
		}
		cam.picture()
		changes := b.Events().Listen(0, events.Changes)
		defer changes.Close()
		began := time.Now()
		<-changes.Ready()
		if quiet := time.Since(began); quiet < time.Second || quiet > 2*time.Second {
			t.Errorf("told after %v of silence", quiet)
		}
		info, _ := b.Stream("cam")
		if info.State.String() != "stalled" || info.Live || info.SourceState != "the publisher has stopped sending" {
			t.Errorf("in the silence: %+v", info)
		}
		viewer, err := b.Join("cam") // it has a publisher, which may go on
		if err != nil {
			t.Fatal(err)
		}
		defer viewer.Close(nil)
		time.Sleep(10 * time.Second)
		changes.Take()
		cam.picture()
		synctest.Wait()
		select {
		case <-changes.Ready():
		default:
			t.Error("that it goes on is not told")
		}
		if info, _ := b.Stream("cam"); info.State != broadcast.StateLive || !info.Live || info.SourceState != "" {
			t.Errorf("afterwards: %+v", info)
		}
		<-changes.Ready() // the second silence is noticed too
		if info, _ := b.Stream("cam"); info.State != broadcast.StateStalled {
			t.Errorf("in the second silence: %+v", info)
		}
		cam.publisher.Close(nil)
		if info, _ := b.Stream("cam"); info.State != broadcast.StateWaiting || info.SourceState != "" {
			t.Errorf("without a publisher: %+v", info)
		}
	})
}

// Who takes over from a silent publisher, itself before, is not silent.
func TestTakeoverEndsTheSilence(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		cfg := broadcast.PublisherConfig{Kinds: []codec.Kind{codec.Audio}, Key: "obs"}
		layer := func() *broadcast.Layer {
			p, err := b.Publish("cam", cfg)
			if err != nil {
				t.Fatal(err)
			}
			l, err := p.AddLayer(broadcast.LayerConfig{Codec: opus})
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
		send := func(l *broadcast.Layer) {
			if err := l.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: 1, Timestamp: 960, Marker: true}, Payload: []byte("sound")}); err != nil {
				t.Fatal(err)
			}
		}
		send(layer())
		time.Sleep(5 * time.Second)
		if info, _ := b.Stream("cam"); info.State != broadcast.StateStalled {
			t.Errorf("after 5 s: %+v", info)
		}
		send(layer())
		if info, _ := b.Stream("cam"); info.State != broadcast.StateLive {
			t.Errorf("after the takeover: %+v", info)
		}
	})
}
