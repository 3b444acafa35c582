package main

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"porthole/internal/bench/process"
)

// errCaptures is returned for a Porthole that captures: that would be measured too.
var errCaptures = errors.New("it shows a camera or a test picture of its own; build it with CGO_ENABLED=0")

// stream is the name of the one stream of every run.
const stream = "bench"

// server is a server under test, with the publisher that feeds it.
type server struct {
	*process.Process
	address   string           // of HTTP
	publisher *process.Process // nil for the limit, which makes its own traffic
	bench     string           // this program
	feedback  bool             // is what viewers send
}

// feed says how a publisher behaves.
type feed struct {
	gop  time.Duration // from one keyframe to the next
	deaf bool          // ignores requests for one
	// spread is how long a picture's packets take to leave, as with a pacer.
	spread time.Duration
}

// startServer starts a server and its publisher, and waits until media flows.
func (p programs) startServer(ctx context.Context, name string, f feed) (*server, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	path, args := p.bench, []string{name}
	if isPorthole(name) {
		path = p.porthole
		args = []string{
			"--http", "127.0.0.1:0", "--media", "127.0.0.1:0", "--rate-limit", "0",
			"--log-format", "json",
		}
	}
	proc, err := process.Start(name, path, args...)
	if err != nil {
		return nil, err
	}
	s := &server{Process: proc, bench: p.bench, feedback: name == serverFeedback}
	if err := s.feed(ctx, name, f); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// feed waits until the server listens and starts the publisher.
func (s *server) feed(ctx context.Context, name string, f feed) (err error) {
	var listening struct{ HTTP string }
	if err := s.Await(ctx, "listening", &listening); err != nil {
		return err
	}
	s.address = listening.HTTP
	switch name {
	case serverLimit:
		return nil
	case serverPorthole, serverFeedback:
		if err := s.checkIdle(ctx); err != nil {
			return err
		}
	}
	s.publisher, err = process.Start("publisher", s.bench, "publish",
		"--whip", s.url("whip"), "--gop", f.gop.String(), "--deaf="+strconv.FormatBool(f.deaf), "--spread", f.spread.String())
	if err != nil {
		return err
	}
	var publishing struct{}
	return s.publisher.Await(ctx, "publishing", &publishing)
}

// checkIdle makes sure that Porthole has nothing to do before the publisher comes.
func (s *server) checkIdle(ctx context.Context) error {
	content, err := get(ctx, "http://"+s.address+"/api/streams")
	if err != nil {
		return s.Failure(err)
	}
	var live struct{ Streams []json.RawMessage }
	if err := json.Unmarshal(content, &live); err != nil {
		return s.Failure(err)
	}
	if len(live.Streams) > 0 {
		return s.Failure(errCaptures)
	}
	return nil
}

func (s *server) url(protocol string) string {
	return "http://" + s.address + "/" + protocol + "/" + stream
}

// stop ends the publisher and the server.
func (s *server) stop() {
	if s.publisher != nil {
		_ = s.publisher.Stop() // how they end is not what is measured
	}
	_ = s.Stop()
}
