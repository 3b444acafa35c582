package signaling

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"

	"porthole/internal/refusal"
	"porthole/internal/sessioninfo"
	"porthole/internal/sessions"
	"porthole/internal/sse"
)

// readFeed answers a GET on a feed: the events until the feed or its session ends,
// the server stops, the client leaves, or comes again.
func (h *Handler) readFeed(w http.ResponseWriter, r *http.Request) error {
	e, observed, err := h.observable(r)
	if err != nil {
		return err
	}
	f, err := e.Feeds.Find(parameter(r, "feed"))
	if err != nil {
		return err
	}
	replaced, end, err := f.Read(func() (func(), error) { return h.Follow(r) })
	if err != nil {
		return err
	}
	defer end()
	stream, err := sse.Begin(w)
	if err != nil {
		return err
	}
	beat := time.NewTicker(sse.Heartbeat)
	defer beat.Stop()
	gap := time.NewTimer(0) // runs out when the next change may be told
	defer gap.Stop()
	changes := observed.Listen()
	defer changes.Close()
	var changed <-chan struct{} // that of changes, while one may be told
	networked, look, stop := watchNetwork(observed, f.Events())
	defer stop()
	writer := feedWriter{Stream: stream, wanted: f.Events()}
	for err == nil {
		select {
		case <-gap.C:
			changes.Take() // what came meanwhile is told with it
			changed = changes.Ready()
			err = writer.update(observed.Status())
		case <-changed:
			changed = nil
			gap.Reset(sse.Gap)
		case <-look:
			err = writer.network(networked.Network())
		case <-beat.C:
			err = stream.Beat()
		case <-h.cfg.Table.Draining():
			_ = writer.send(eventReconnect, h.reconnect(r)) // the last word, whether it arrives or not
			return nil
		case <-e.Done():
			// An offer can agree to another codec, and the next server be there soon.
			if refusal.Of(e.Reason()) == refusal.Outdated || errors.Is(e.Reason(), sessions.ErrStopping) {
				_ = writer.send(eventReconnect, struct{}{}) // likewise
			}
			return nil
		case <-f.Done():
			return nil
		case <-replaced:
			return nil
		case <-r.Context().Done():
			return nil
		}
	}
	return nil // the client is gone: that is how most feeds end, and no news
}

// feedWriter tells a player what is new to it.
type feedWriter struct {
	sse.Stream
	wanted []string

	told   bool   // whether last was told
	last   Status // what the player knows
	layers map[string][]string
	path   knownNetwork
}

// networkEvery is how often the path of a viewer is looked at, for those who want to know.
const networkEvery = time.Second

// watchNetwork returns what tells of the path to a viewer, and when to look, if the feed is for that.
func watchNetwork(observed Observable, wanted []string) (n Networked, look <-chan time.Time, stop func()) {
	n, ok := observed.(Networked)
	if !ok || !slices.Contains(wanted, eventNetwork) {
		return nil, nil, func() {}
	}
	ticker := time.NewTicker(networkEvery)
	return n, ticker.C, ticker.Stop
}

// network tells of the path when there is news of it.
func (w *feedWriter) network(now sessioninfo.Network) error {
	if !w.path.news(now) {
		return nil
	}
	return w.send(eventNetwork, now)
}

// update tells what differs from what was told before. A player learns at once
// that the stream is active, how many watch and which layers there are; that the
// stream is inactive is told only after it was active.
func (w *feedWriter) update(now Status) error {
	first := !w.told
	layers := layerNames(now.Layers)
	var events []func() error
	add := func(event string, value any) {
		events = append(events, func() error { return w.send(event, value) })
	}
	switch {
	case now.Active && (first || !w.last.Active):
		add(eventActive, struct{}{})
	case !now.Active && w.last.Active:
		add(eventInactive, struct{}{})
	}
	if len(layers) > 0 && !maps.EqualFunc(layers, w.layers, slices.Equal) {
		add(eventLayers, now.Layers)
	}
	if first || now.Viewers != w.last.Viewers {
		add(eventViewerCount, map[string]int{"viewercount": now.Viewers})
	}
	w.told, w.last, w.layers = true, now, layers
	for _, send := range events {
		if err := send(); err != nil {
			return err
		}
	}
	return nil
}

// send writes one event, if the player wants to know.
func (w *feedWriter) send(event string, value any) error {
	if !slices.Contains(w.wanted, event) {
		return nil
	}
	return w.Send(event, value)
}

// layerNames returns what of the layers makes a change: not their bit rates, but
// whether there is one.
func layerNames(layers map[string][]Layer) map[string][]string {
	names := make(map[string][]string, len(layers))
	for place, list := range layers {
		for _, l := range list {
			name := l.RID + " active"
			if l.Bitrate == 0 {
				name = l.RID
			}
			names[place] = append(names[place], name)
		}
	}
	return names
}
