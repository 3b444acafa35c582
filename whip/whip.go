// Package whip lets WHIP clients (RFC 9725) publish: OBS, FFmpeg, GStreamer,
// browsers. It is the part of the protocol that is about media; the HTTP part is
// package signaling.
//
//	POST offer ─► one codec per section ─► broadcast.Publisher ─► peer connection ─► 201 answer
//	packets ─► peer.Session ─► track ─► broadcast.Layer
//
// A [signaling.Session] of this package ties a peer connection and a publisher
// together: whichever ends first ends the other. All of an offer is taken or none:
// a section without a codec that is relayed refuses the whole offer (section 4.4.3).
package whip

import (
	"errors"
	"fmt"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
	"porthole/internal/negotiate"
	"porthole/internal/peer"
	"porthole/internal/signaling"
)

// source is what the API calls publishers of this package.
const source = "whip"

// Config says where offers go. Broadcaster and Engine are required.
type Config struct {
	Broadcaster *broadcast.Broadcaster
	Engine      *peer.Engine
	Signaling   signaling.Config
}

// New makes the handler of /whip: r.Route("/whip", h.Routes).
func New(cfg Config) (*signaling.Handler, error) {
	if cfg.Broadcaster == nil || cfg.Engine == nil {
		return nil, errors.New("whip needs a broadcaster and a peer engine")
	}
	h, err := signaling.New(negotiate.Publish, func(r signaling.Request) (signaling.Session, error) {
		return open(cfg, r)
	}, cfg.Signaling)
	if err != nil {
		return nil, fmt.Errorf("set up whip: %w", err)
	}
	return h, nil
}

// open makes the caller the publisher of a stream, if the offer can be used and
// nobody else publishes: broadcast.ErrStreamBusy. The same publisher, which has
// lost its connection or its DELETE, takes over from itself.
func open(cfg Config, r signaling.Request) (signaling.Session, error) {
	codecs, kinds, err := choose(r.Offer)
	if err != nil {
		return nil, err
	}
	publisher, err := cfg.Broadcaster.Publish(r.Stream, broadcast.PublisherConfig{
		Source: source, Kinds: kinds, RIDs: rids(r.Offer), Key: r.Publisher,
	})
	if err != nil {
		return nil, err
	}
	return &session{engine: cfg.Engine, client: r.Client, id: r.ID, offer: r.Offer, codecs: codecs, publisher: publisher, table: cfg.Signaling.Table}, nil
}

// choose accepts what is relayed of each section.
func choose(offer *negotiate.Offer) (map[string][]negotiate.Format, []codec.Kind, error) {
	codecs := make(map[string][]negotiate.Format)
	var kinds []codec.Kind
	for _, media := range offer.Media {
		if !media.Flows() {
			continue
		}
		supported, err := media.Supported()
		if err != nil {
			return nil, nil, err
		}
		codecs[media.Mid] = supported
		kinds = append(kinds, supported[0].Kind())
	}
	return codecs, kinds, nil
}

// rids names the encodings of the picture that a publisher of simulcast will send.
func rids(offer *negotiate.Offer) []string {
	for _, media := range offer.Media {
		if len(media.RIDs) > 1 && media.Flows() && media.Kind == codec.Video.String() {
			return media.RIDs
		}
	}
	return nil
}
