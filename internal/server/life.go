package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"porthole/capture"
	"porthole/static"
)

const (
	// drainWithin is how long requests that are under way may take when the
	// server stops: an answer is made in less.
	drainWithin = time.Second
	// StopWithin bounds the whole of stopping. Nothing in it waits for the
	// network, so that reaching it is a fault, worth exit code 1.
	StopWithin = 5 * time.Second
	// knownWithin bounds how long the first requests wait for what sources are like:
	// a driver that hangs must not keep the others' streams away.
	knownWithin = 2 * time.Second
)

// Run serves until ctx ends or a part fails, then stops everything and returns
// when it has: nil after a stop that was asked for.
//
// What runs are the HTTP server and one goroutine for each source; everything else belongs to the parts, which end their own in Close.
func (s *Server) Run(ctx context.Context) error {
	asked := ctx
	capturing, stopCapturing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopCapturing()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		s.guard.Run(ctx)
		return nil
	})
	go s.makePages()
	for i, source := range s.sources {
		captured := s.capturing[i]
		group.Go(func() error {
			if err := captured.Run(capturing); err != nil {
				return sourceFault(source, err)
			}
			return nil
		})
	}
	awaitKnown(ctx, s.capturing)
	group.Go(func() error {
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve HTTP: %w", err)
		}
		return nil
	})
	ended := make(chan error, 1) // one slot: the waiter must not hang when nobody listens any more
	go func() { ended <- group.Wait() }()

	<-ctx.Done()
	if within := s.config().Drain; asked.Err() != nil && within > 0 {
		s.drain(within)
	}
	s.log.Info("stopping")
	stopped := make(chan error, 1) // likewise
	go func() { stopped <- s.stop(stopCapturing) }()
	return await(StopWithin, stopped, ended)
}

// makePages bundles the pages before anybody asks for them. It cannot be interrupted, and is done once in a process,
// whatever servers there are: so no server waits for it when it stops. It uses nothing that is closed.
func (s *Server) makePages() {
	if err := static.Make(); err != nil {
		s.log.Error("pages load slowly: they could not be bundled", "error", err)
	}
}

// awaitKnown waits until the list of streams holds all sources, so that the first client
// is not told that nobody publishes what is about to be announced. The socket listens
// already: whoever connects meanwhile is answered a little later.
func awaitKnown(ctx context.Context, sources []*capture.Source) {
	ctx, cancel := context.WithTimeout(ctx, knownWithin)
	defer cancel()
	for _, source := range sources {
		select {
		case <-source.Known():
		case <-ctx.Done():
			return
		}
	}
}

// drain lets nobody in any more and tells everybody to go elsewhere, and waits until
// they have or the time of --drain is over. A second signal ends the process meanwhile.
func (s *Server) drain(within time.Duration) {
	s.log.Info("draining: no new sessions", "sessions", s.core.Table.Len(), "at_most", within)
	s.endEvents()
	s.core.Table.Drain()
	over := time.NewTimer(within)
	defer over.Stop()
	select {
	case <-s.core.Table.Idle():
	case <-over.C:
	}
}

// stop ends everything, in the order in which nobody meets what is gone:
//
//  1. no new requests, so that nobody joins what is ending; those under way are
//     answered, event streams end;
//  2. local sources leave their streams;
//  3. sessions end, and every viewer and publisher is told by the end of DTLS;
//  4. the media sockets close, and then the broadcaster, which nobody uses any more.
//
// Its deadlines are its own: the context that told it to stop is over already.
func (s *Server) stop(stopCapturing func()) error {
	drain, cancel := context.WithTimeout(context.Background(), drainWithin)
	defer cancel()
	if err := s.http.Shutdown(drain); err != nil {
		s.log.Debug("requests were cut off", "error", err)
	}
	stopCapturing()
	return s.close()
}

// close closes what New made, as far as it came, users before what they use.
func (s *Server) close() error {
	var faults []error
	if s.http != nil {
		faults = append(faults, s.http.Close())
	} else if s.listener != nil {
		faults = append(faults, s.listener.Close())
	}
	if s.mjpeg != nil {
		s.mjpeg.Close()
	}
	if s.core == nil {
		return errors.Join(append(faults, s.closeRelays())...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), StopWithin)
	defer cancel()
	return errors.Join(append(faults, s.core.Close(ctx, s.closeRelays))...)
}

// closeRelays ends what relays between sessions and sockets.
func (s *Server) closeRelays() (err error) {
	if s.turn != nil {
		err = s.turn.Close()
	}
	if s.prober != nil {
		s.prober.Close()
	}
	return err
}

var errStopTimeout = errors.New("stopping took too long; what was left is ended with the process")

// await collects one result of each channel, for a bounded time.
func await(within time.Duration, results ...<-chan error) error {
	timer := time.NewTimer(within)
	defer timer.Stop()
	var faults []error
	for _, result := range results {
		select {
		case err := <-result:
			faults = append(faults, err)
		case <-timer.C:
			return errors.Join(append(faults, errStopTimeout)...)
		}
	}
	return errors.Join(faults...)
}
