package snapshot

import (
	"errors"
	"time"
)

const (
	// places is how many pictures are made at a time, and restFactor how many times as
	// long as that took each place rests then: whoever asks for whatever, in as many
	// sizes as there are, all pictures together take half a processor at most.
	places     = 2
	restFactor = 3
	// turnWithin is how long a picture waits for its place.
	turnWithin = 2 * time.Second
)

// errBusy says that there were too many pictures to make.
var errBusy = errors.New("too many pictures are being made")

// turns are the places in which pictures are made, each as the time at which it may be
// used again.
type turns chan time.Time

func newTurns() turns {
	t := make(turns, places)
	for range places {
		t <- time.Time{}
	}
	return t
}

// take waits for a place and returns errBusy when there is none in time. The caller
// gives the place back with the time that its work took.
func (t turns) take() error {
	deadline := time.NewTimer(turnWithin)
	defer deadline.Stop()
	select {
	case ready := <-t:
		rest := time.NewTimer(time.Until(ready))
		defer rest.Stop()
		select {
		case <-rest.C:
			return nil
		case <-deadline.C:
			t <- ready
			return errBusy
		}
	case <-deadline.C:
		return errBusy
	}
}

func (t turns) give(spent time.Duration) { t <- time.Now().Add(restFactor * spent) }
