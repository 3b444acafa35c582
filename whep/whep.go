// Package whep lets WHEP clients (draft-ietf-wish-whep) watch: browsers, other
// servers, anything that can play WebRTC. It is the part of the protocol that is
// about media; the HTTP part is package signaling.
//
//	POST offer ─► broadcast.Viewer ─► what it sends against what is offered ─► peer connection ─► 201 answer
//	broadcast.Viewer ─► peer.Session ─► packets;  feedback ─► broadcast.Viewer
//
// A [signaling.Session] of this package ties a viewer and a peer connection
// together: whichever ends first ends the other. Media flows when the connection
// is up and not before. The server answers, unless a client asks for a counter-offer.
package whep

import (
	"errors"
	"fmt"
	"slices"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
	"porthole/internal/negotiate"
	"porthole/internal/peer"
	"porthole/internal/signaling"
)

// Config says where viewers are found a place. Broadcaster and Engine are required.
type Config struct {
	Broadcaster *broadcast.Broadcaster
	Engine      *peer.Engine
	Signaling   signaling.Config
}

// New makes the handler of /whep: r.Route("/whep", h.Routes).
func New(cfg Config) (*signaling.Handler, error) {
	if cfg.Broadcaster == nil || cfg.Engine == nil {
		return nil, errors.New("whep needs a broadcaster and a peer engine")
	}
	h, err := signaling.New(negotiate.Watch, func(r signaling.Request) (signaling.Session, error) {
		return open(cfg, r)
	}, cfg.Signaling)
	if err != nil {
		return nil, fmt.Errorf("set up whep: %w", err)
	}
	return h, nil
}

// open takes a viewer's place in a stream, if somebody publishes something that
// the offer can play: broadcast.ErrNoPublisher, broadcast.ErrTooManyViewers,
// negotiate.ErrNoCommonCodec.
func open(cfg Config, r signaling.Request) (signaling.Session, error) {
	viewer, err := cfg.Broadcaster.Join(r.Stream)
	if err != nil {
		return nil, err
	}
	s := &session{engine: cfg.Engine, broadcaster: cfg.Broadcaster, stream: r.Stream, client: r.Client, id: r.ID, viewer: viewer, counter: r.CounterOffer, table: cfg.Signaling.Table}
	s.asked = r.Offer
	if s.offer, s.tracks, err = negotiated(r, viewer.Codecs()); err != nil {
		viewer.Close(err)
		return nil, err
	}
	return s, nil
}

// negotiated returns the offer that counts, the client's or ours, and what of it
// the stream has something for.
func negotiated(r signaling.Request, sent []codec.Codec) (*negotiate.Offer, map[string]track, error) {
	offer := r.Offer
	if r.CounterOffer {
		var taken map[string]track
		if offer != nil {
			var err error
			if taken, err = match(offer, sent); err != nil {
				return nil, nil, err
			}
			sent = slices.DeleteFunc(slices.Clone(sent), func(c codec.Codec) bool { return !takes(taken, c.Kind()) })
		}
		codecs := slices.Clone(sent)
		if !has(sent, codec.Audio) && (taken == nil || takes(taken, codec.Audio)) {
			codecs = append(codecs, foreseen)
		}
		var err error
		if offer, err = negotiate.NewCounterOffer(codecs); err != nil {
			return nil, nil, err
		}
	}
	tracks, err := match(offer, sent)
	return offer, tracks, err
}

// takes tells whether one of the tracks is of a kind.
func takes(tracks map[string]track, kind codec.Kind) bool {
	for _, t := range tracks {
		if t.kind == kind {
			return true
		}
	}
	return false
}
