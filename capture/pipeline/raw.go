package pipeline

import (
	"context"
	"fmt"
	"log/slog"

	"porthole/capture/encode"
	"porthole/capture/media"
	"porthole/capture/publish"
	"porthole/internal/broadcast"
	"porthole/internal/panics"
)

// Encoding is one of those that the pictures of a source are sent in.
type Encoding struct {
	RID     string // that tells layers of simulcast apart; "" where there is one
	Bitrate int    // bits per second
}

// rawVideo sends raw pictures: each to all encoders, each of which feeds a track.
//
//	read ── raw pictures ──► exchange ─┬─► mailbox ──► encoder ── H.264 ──► track
//	                                   └─► mailbox ──► encoder ── H.264 ──► track …
type rawVideo struct {
	pictures media.Pictures
	exchange exchange
	layers   []*encodedLayer
	log      *slog.Logger
}

// encodedLayer is one encoder with the mailbox that it encodes from and the track that it feeds.
type encodedLayer struct {
	rid     string
	box     *mailbox
	encoder *encode.Video
	sender  *sender // nil: not published yet
}

func newRawVideo(cfg Config) *rawVideo {
	v := &rawVideo{pictures: cfg.Input.Pictures, log: cfg.Log}
	encodings := cfg.Encodings
	if len(encodings) == 0 {
		encodings = []Encoding{{Bitrate: cfg.Spec.Bitrate}}
	}
	for _, e := range encodings {
		v.layers = append(v.layers, &encodedLayer{rid: e.RID, box: v.exchange.mailbox(), encoder: encode.NewVideo(encode.VideoConfig{
			Library: cfg.Library, FPS: cfg.Input.FPS, Bitrate: e.Bitrate, Keyframe: cfg.Spec.Keyframe, Failed: cfg.EncoderFailed, Log: cfg.Log,
		})})
	}
	return v
}

// first waits for a picture, and says how large it is.
func (v *rawVideo) first(ctx context.Context) ([]any, error) {
	f := v.exchange.blank()
	if err := panics.AsError(v.log, "a driver", func() error { return v.pictures.Read(ctx, &f.Picture) }); err != nil {
		return nil, err
	}
	about := []any{"picture", fmt.Sprintf("%dx%d", f.Width, f.Height)}
	v.exchange.put(f)
	return about, nil
}

func (v *rawVideo) rids() (rids []string) {
	for _, l := range v.layers {
		if l.rid != "" {
			rids = append(rids, l.rid)
		}
	}
	return rids
}

// publish adds a track for each encoding.
func (v *rawVideo) publish(p publish.Publisher) error {
	for _, l := range v.layers {
		codec := encode.H264()
		track, err := p.AddTrack(broadcast.LayerConfig{Codec: codec, RID: l.rid, TemporalLayers: encode.TemporalLayers, RequestKeyframe: l.encoder.RequestKeyframe})
		if err != nil {
			return err
		}
		if l.sender, err = newSender(codec, track); err != nil {
			return err
		}
	}
	return nil
}

// run starts the reader and the encoders.
func (v *rawVideo) run(ctx context.Context, start func(func() error)) {
	start(func() error {
		for {
			f := v.exchange.blank()
			if err := v.pictures.Read(ctx, &f.Picture); err != nil {
				return err
			}
			v.exchange.put(f)
		}
	})
	for _, l := range v.layers {
		start(func() error {
			defer l.encoder.Close()
			return l.run(ctx)
		})
	}
}

// run encodes the pictures of the mailbox, until the encoders fail for good, the track ends or ctx does.
func (l *encodedLayer) run(ctx context.Context) error {
	for {
		f, err := l.box.take(ctx)
		if err != nil {
			return err
		}
		unit, err := l.encoder.Encode(&f.Picture)
		if err == nil {
			err = l.sender.send(unit, f.CapturedAt)
		}
		l.box.release(f)
		if err != nil {
			return err
		}
	}
}

// sums says what was sent, in the words of the log.
func (v *rawVideo) sums() []any {
	var total sender
	var dropped uint64
	failures := 0
	for _, l := range v.layers {
		if l.sender != nil {
			total.add(l.sender)
		}
		dropped += l.box.drops()
		failures += l.encoder.Failures()
	}
	return append(total.sums(), "dropped", dropped, "encoder_restarts", failures)
}
