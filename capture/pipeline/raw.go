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

// rawVideo sends raw pictures in the size in which they come, and in those of its ladder while somebody needs them: see rung.
//
//	read ── raw pictures ──► exchange ─┬─► mailbox ──► encoder ── H.264 ──► track
//	                                   └─► the ladder
type rawVideo struct {
	cfg      Config
	pictures media.Pictures
	exchange exchange
	top      *encodedLayer
	rungs    []*rung // in falling order; made for the first picture
	log      *slog.Logger
}

// encodedLayer is one encoder with the mailbox that it encodes from and the track that it feeds.
type encodedLayer struct {
	rid      string // "" where there is one encoding
	nominal  broadcast.Nominal
	temporal int // layers
	box      *mailbox
	encoder  *encode.Video
	track    publish.Track // nil, as sender is: not published yet
	sender   *sender
}

func newRawVideo(cfg Config) *rawVideo {
	v := &rawVideo{cfg: cfg, pictures: cfg.Input.Pictures, log: cfg.Log}
	v.top = &encodedLayer{box: v.exchange.mailbox(), temporal: topLayers}
	v.top.encoder = v.newEncoder(cfg.Input.FPS, cfg.Spec.Bitrate, topLayers)
	return v
}

func (v *rawVideo) newEncoder(fps float64, bitrate, temporal int) *encode.Video {
	return encode.NewVideo(encode.VideoConfig{
		Library: v.cfg.Library, FPS: fps, Bitrate: bitrate, Temporal: temporal, Keyframe: v.cfg.Spec.Keyframe,
		Failed: v.cfg.EncoderFailed, Log: v.log,
	})
}

// first waits for a picture, and says how large it is.
func (v *rawVideo) first(ctx context.Context) ([]any, error) {
	f := v.exchange.blank()
	if err := panics.AsError(v.log, "a driver", func() error { return v.pictures.Read(ctx, &f.Picture) }); err != nil {
		return nil, err
	}
	v.build(f.Width, f.Height)
	about := []any{"picture", fmt.Sprintf("%dx%d", f.Width, f.Height)}
	if rids := v.rids(); len(rids) > 0 {
		about = append(about, "ladder", rids)
	}
	v.exchange.put(f)
	return about, nil
}

// build makes the ladder for pictures of this size.
func (v *rawVideo) build(width, height int) {
	v.top.nominal = broadcast.Nominal{Width: width, Height: height, Bitrate: uint64(v.cfg.Spec.Bitrate)}
	from, of := &v.exchange, v.top.nominal
	fps := rungRate(v.cfg.Input.FPS)
	for _, size := range rungSizes(v.cfg.Spec.Ladder, width, height) {
		size.Bitrate = rungBitrate(v.cfg.Spec.Bitrate, v.top.nominal, size, fps/v.cfg.Input.FPS)
		r := &rung{above: from.mailbox(), of: of, every: rungInterval, log: v.log}
		r.encodedLayer = encodedLayer{
			rid: rungName(size), nominal: size, temporal: rungLayers, box: r.own.mailbox(),
			encoder: v.newEncoder(fps, int(size.Bitrate), rungLayers),
		}
		if n := len(v.rungs); n > 0 {
			v.rungs[n-1].below = r
		}
		v.rungs, from, of = append(v.rungs, r), &r.own, size
	}
	if len(v.rungs) > 0 {
		v.top.rid = rungName(v.top.nominal)
	}
}

// layers returns all encodings, the best first.
func (v *rawVideo) layers() []*encodedLayer {
	all := []*encodedLayer{v.top}
	for _, r := range v.rungs {
		all = append(all, &r.encodedLayer)
	}
	return all
}

func (v *rawVideo) rids() (rids []string) {
	for _, l := range v.layers() {
		if l.rid != "" {
			rids = append(rids, l.rid)
		}
	}
	return rids
}

// publish adds a track for each encoding.
func (v *rawVideo) publish(p publish.Publisher) error {
	for _, l := range v.layers() {
		codec := encode.H264()
		track, err := p.AddTrack(broadcast.LayerConfig{
			Codec: codec, RID: l.rid, TemporalLayers: l.temporal, Nominal: l.nominal, OnDemand: l != v.top,
			RequestKeyframe: l.encoder.RequestKeyframe,
		})
		if err != nil {
			return err
		}
		l.track = track
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
	start(func() error {
		defer v.top.encoder.Close()
		for {
			if err := v.top.encodeNext(ctx); err != nil {
				return err
			}
		}
	})
	for _, r := range v.rungs {
		start(func() error {
			defer r.encoder.Close()
			return r.run(ctx)
		})
	}
}

// encodeNext encodes the next picture of the mailbox. The error is ctx's, the track's, or that encoders have failed for good.
func (l *encodedLayer) encodeNext(ctx context.Context) error {
	f, err := l.box.take(ctx)
	if err != nil {
		return err
	}
	defer l.box.release(f)
	unit, err := l.encoder.Encode(&f.Picture)
	if err != nil {
		return err
	}
	return l.sender.send(unit, f.CapturedAt)
}

// sums says what was sent, in the words of the log.
func (v *rawVideo) sums() []any {
	var total sender
	var dropped uint64
	failures := 0
	for _, l := range v.layers() {
		if l.sender != nil {
			total.add(l.sender)
		}
		dropped += l.box.drops()
		failures += l.encoder.Failures()
	}
	for _, r := range v.rungs {
		dropped += r.above.drops()
	}
	return append(total.sums(), "dropped", dropped, "encoder_restarts", failures)
}
