package broadcast_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pion/rtp"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
)

// A recorder reads a stream from its newest keyframe on, however often its publisher comes and goes. Here the
// second packet of the second picture is lost.
func ExampleReader() {
	b := broadcast.New(broadcast.Config{})
	defer func() { _ = b.Close() }()
	publisher, err := b.Publish("cam", broadcast.PublisherConfig{Kinds: []codec.Kind{codec.Video}})
	if err != nil {
		fmt.Println(err)
		return
	}
	layer, err := publisher.AddLayer(broadcast.LayerConfig{Codec: codec.Codec{MimeType: codec.VP8, ClockRate: 90_000}})
	if err != nil {
		fmt.Println(err)
		return
	}

	r, err := b.Read("cam", broadcast.ReaderConfig{Stays: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	for _, p := range []rtp.Packet{
		{Header: rtp.Header{SequenceNumber: 1, Timestamp: 3000}, Payload: []byte("\x10\x00 a keyframe")},
		{Header: rtp.Header{SequenceNumber: 2, Timestamp: 3000, Marker: true}, Payload: []byte("\x00\x00 its rest")},
		{Header: rtp.Header{SequenceNumber: 3, Timestamp: 6000}, Payload: []byte("\x10\x01 the next picture")},
		{Header: rtp.Header{SequenceNumber: 5, Timestamp: 6000, Marker: true}, Payload: []byte("\x00\x01 its rest")},
	} {
		if err := layer.WriteRTP(&p); err != nil {
			fmt.Println(err)
			return
		}
	}

	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	for {
		p, err := r.Next(ctx)
		if err != nil {
			fmt.Println(errors.Is(err, context.DeadlineExceeded))
			return
		}
		if p.Break != broadcast.NoBreak {
			fmt.Println("begin a file of", p.Encoding.Codec.Name())
		}
		fmt.Printf("%d keyframe=%v lost=%d %q\n", p.Timestamp, p.Keyframe, p.Lost, p.Payload[3:])
	}
	// Output:
	// begin a file of VP8
	// 3000 keyframe=true lost=0 "a keyframe"
	// 3000 keyframe=false lost=0 "its rest"
	// 6000 keyframe=false lost=0 "the next picture"
	// 6000 keyframe=false lost=1 "its rest"
	// true
}
