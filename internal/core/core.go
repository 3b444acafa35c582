// Package core is what every server of ours has, whatever else it serves: media sockets,
// streams, the table of sessions, and WHIP and WHEP over them.
//
//	whip ─┬─► Table ─► sessions ─► Engine ─► the network
//	whep ─┘              └───────► Broadcaster
//
// internal/server puts sources, API, pages, TURN and limits around it; the benchmark and
// the tests of whip and whep take it as it is.
package core

import (
	"context"
	"errors"

	"porthole/internal/broadcast"
	"porthole/internal/events"
	"porthole/internal/peer"
	"porthole/internal/sessioninfo"
	"porthole/internal/sessions"
	"porthole/internal/signaling"
	"porthole/whep"
	"porthole/whip"
)

// Config is that of the parts.
type Config struct {
	Peer      peer.Config
	Broadcast broadcast.Config
	Table     sessions.Config
}

// Core is the parts. Nothing of it is nil.
type Core struct {
	Engine      *peer.Engine
	Broadcaster *broadcast.Broadcaster
	Table       *sessions.Table
	Events      *events.Bus // what becomes of streams and sessions
}

// New makes a bus of events, on which all parts publish whatever cfg says of that, binds the
// media sockets and makes the rest. Its error is that of peer.Listen, and leaves nothing
// behind. Close ends it.
func New(cfg Config) (*Core, error) {
	bus := events.NewBus()
	cfg.Broadcast.Events, cfg.Table.Events = bus, bus
	cfg.Peer.OnState = func(id string, state sessioninfo.State) {
		bus.Publish(events.SessionState{Session: id, State: state.String()})
	}
	engine, err := peer.Listen(cfg.Peer)
	if err != nil {
		return nil, err
	}
	return &Core{Engine: engine, Broadcaster: broadcast.New(cfg.Broadcast), Table: sessions.New(cfg.Table), Events: bus}, nil
}

// Handlers makes the handlers of WHIP and WHEP. They keep nothing: there may be several
// at a time, with other tokens and limits over the same sessions. cfg.Table is set.
func (c *Core) Handlers(cfg signaling.Config) (publish, watch *signaling.Handler, err error) {
	cfg.Table = c.Table
	publish, err = whip.New(whip.Config{Broadcaster: c.Broadcaster, Engine: c.Engine, Signaling: cfg})
	if err != nil {
		return nil, nil, err
	}
	watch, err = whep.New(whep.Config{Broadcaster: c.Broadcaster, Engine: c.Engine, Signaling: cfg})
	return publish, watch, err
}

// Close ends sessions, sockets and streams, in this order, so that every client is told
// by the end of DTLS and nobody meets what is gone. between, when it is not nil, ends what
// stands between sessions and sockets. ctx bounds the end of the sessions.
func (c *Core) Close(ctx context.Context, between func() error) error {
	faults := []error{c.Table.Close(ctx)}
	if between != nil {
		faults = append(faults, between())
	}
	return errors.Join(append(faults, c.Engine.Close(), c.Broadcaster.Close())...)
}
