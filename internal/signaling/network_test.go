package signaling_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"porthole/internal/events"
	"porthole/internal/negotiate"
	"porthole/internal/sessioninfo"
	"porthole/internal/signaling"
)

// networkedSession is one whose path is as the test says.
type networkedSession struct {
	observableSession
	network *atomic.Pointer[sessioninfo.Network]
}

func (s networkedSession) Network() sessioninfo.Network { return *s.network.Load() }

// A player is told how its path is, and then what changes what it sees: not each wobble of an estimate.
func TestNetworkIsToldWhenItChanges(t *testing.T) {
	var network atomic.Pointer[sessioninfo.Network]
	network.Store(&sessioninfo.Network{State: "steady", Fits: true})
	stream := &fakeStream{bus: events.NewBus()}
	f := newFixture(t, negotiate.Watch, nil)
	f.make = func(s *fakeSession) signaling.Session {
		return networkedSession{observableSession{s, stream}, &network}
	}
	session := f.post().Header.Get("Location")
	l := f.listen(t, f.feed(session, `["network"]`))
	l.want(`network {"state":"steady","fits":true}`)

	network.Store(&sessioninfo.Network{State: "congested", LimitedBy: "queue", Estimate: 400_000, Needs: 512_000, Height: 180})
	l.want(`network {"state":"congested","limitedBy":"queue","estimate":400000,"needs":512000,"fits":false,"height":180}`)
	network.Store(&sessioninfo.Network{State: "congested", LimitedBy: "queue", Estimate: 410_000, Needs: 512_000, Height: 180})
	network.Store(&sessioninfo.Network{State: "congested", LimitedBy: "queue", Estimate: 620_000, Needs: 512_000, Height: 180, Fits: true})
	if got := l.next(); !strings.Contains(got, `"estimate":620000`) {
		t.Errorf("event %q, want the one of a better path", got)
	}
}

// Who does not ask for it, or cannot have it, is not told.
func TestNetworkIsOnlyToldToThoseWhoAsk(t *testing.T) {
	f, stream := newObservable(t, nil)
	session := f.post().Header.Get("Location")
	l := f.listen(t, f.feed(session, `["network","viewercount"]`))
	l.want(`viewercount {"viewercount":0}`)
	stream.set(signaling.Status{Viewers: 2})
	l.want(`viewercount {"viewercount":2}`)
}
