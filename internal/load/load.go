// Package load is a load generator: it opens many standard WHEP sessions to any
// WHEP server and measures what each of them gets.
//
// A session is what a browser's would be: an offer with all candidates, POST,
// ICE, DTLS, SRTP, DELETE. To be able to run hundreds of them beside the server
// that is measured, it spends as little as possible on a packet:
//
//	server ──UDP──► tap: counts RTP from its clear header ──► pion: ICE, DTLS, SRTP ──► gate: waits for
//	                     └─ once the gate has a whole keyframe, RTP ends here           a whole keyframe
//
// Everything that is reported (arrival, loss, frame rate, bit rate, pauses) is
// read from the RTP header, which SRTP leaves in clear; only the packets up to
// the first whole keyframe are decrypted, which shows that keys and codec are
// right. Sessions over TCP do without the tap and decrypt everything.
//
// A server that sends the header extension abs-capture-time, which every offer
// asks for, tells when each picture was taken; how old the pictures are when they
// are complete is reported then. Both ends' clocks must agree for that, so only a
// server on this machine is believed.
//
// The package sends no NACK and no receiver reports; transport-wide feedback and a
// keyframe request only when told to. It decodes no pictures.
package load

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Defaults for the zero values of Config.
const (
	DefaultDuration = 20 * time.Second
	DefaultSetup    = 15 * time.Second
	// DefaultPace is how many sessions are opened a second when Ramp is 0.
	DefaultPace = 50
)

// Config says what to measure.
type Config struct {
	URL       string        // the WHEP endpoint
	Token     string        // sent as a bearer token; empty: none
	Viewers   int           // sessions to open
	Duration  time.Duration // how long to watch, from the moment the last session is opened; 0: DefaultDuration
	Ramp      time.Duration // the time over which the sessions are opened, evenly; 0: DefaultPace a second
	Setup     time.Duration // how long a session may take until its first media; 0: DefaultSetup
	FrameRate float64       // the frame rate that counts as full, per second; 0: the one that the timestamps of most sessions tell
	TCP       bool          // media over ICE-TCP in place of UDP
	Keyframe  bool          // send one PLI when media begins
	Feedback  bool          // tell the server when which packet came, as browsers do (transport-wide feedback)

	// SentAt reads from a payload when its picture was sent, for a publisher whose
	// timestamps are the times of sending: frame delays are measured by that then,
	// with any server. nil: by abs-capture-time.
	SentAt func(payload []byte) (at time.Time, ok bool)

	// Progress is called about once a second by one goroutine; nil: nobody wants to know.
	Progress func(Progress)
}

// Progress is how far a run is.
type Progress struct {
	Elapsed   time.Duration // since the run began
	Total     time.Duration // that the run will take, without the time to end
	Opened    int           // sessions that were started
	Connected int           // sessions with ICE and DTLS done
	Media     int           // sessions that got a first packet
	Failed    int           // sessions that ended with a fault
	Bytes     uint64        // of RTP, by all sessions
}

// Errors of a configuration.
var (
	ErrURL     = errors.New("not an http:// or https:// URL of a WHEP endpoint")
	ErrViewers = errors.New("the number of viewers is not positive")
)

// Run opens the sessions, watches, closes them and reports. It blocks for about
// Ramp + Duration, for less when every session fails; when ctx ends earlier it
// stops watching then, and reports on what it has so far. The error is about the configuration or this machine;
// what goes wrong with sessions is part of the report.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	endpoint, err := url.Parse(cfg.URL)
	if err != nil || (endpoint.Scheme != "http" && endpoint.Scheme != "https") || endpoint.Host == "" {
		return nil, fmt.Errorf("%q: %w", cfg.URL, ErrURL)
	}
	if cfg.Viewers < 1 {
		return nil, fmt.Errorf("%d: %w", cfg.Viewers, ErrViewers)
	}
	cfg.Duration = cmp.Or(cfg.Duration, DefaultDuration)
	cfg.Setup = cmp.Or(cfg.Setup, DefaultSetup)
	cfg.Ramp = cmp.Or(cfg.Ramp, time.Duration(cfg.Viewers-1)*time.Second/DefaultPace)

	host, err := newHost(ctx, endpoint, cfg.TCP)
	if err != nil {
		return nil, fmt.Errorf("prepare this machine: %w", err)
	}
	host.feedback = cfg.Feedback
	defer host.client.CloseIdleConnections()
	r := &runner{cfg: cfg, host: host, begin: time.Now(), cpu: processCPU(), delays: &histogram{}}
	return r.run(ctx), nil
}

// runner is one run: its sessions and the clock that they share.
type runner struct {
	cfg      Config
	host     *host
	begin    time.Time
	cpu      time.Duration // that the process had used at begin
	delays   *histogram    // of all sessions' pictures
	sessions []*session
}

func (r *runner) run(ctx context.Context) *Report {
	total := r.cfg.Ramp + r.cfg.Duration
	ctx, cancel := context.WithDeadline(ctx, r.begin.Add(total))
	defer cancel()

	// The first moments of a session are its catch-up to the live picture and
	// would count as a high frame rate; what is judged begins after them.
	settle := min(2*time.Second, r.cfg.Duration/4)
	for range r.cfg.Viewers {
		r.sessions = append(r.sessions, newSession(r, r.begin.Add(r.cfg.Ramp+settle), settle))
	}

	ended := make(chan struct{}) // closed when no session is left
	var running sync.WaitGroup
	for i, s := range r.sessions {
		at := r.begin.Add(r.cfg.Ramp * time.Duration(i) / time.Duration(max(1, r.cfg.Viewers-1)))
		running.Go(func() { s.run(ctx, at) })
	}
	var helpers sync.WaitGroup
	helpers.Go(func() {
		running.Wait()
		close(ended)
	})
	helpers.Go(func() { r.reportProgress(total, ended) })

	select {
	case <-ctx.Done():
	case <-ended: // all have failed: no use to wait
	}
	end := time.Now()
	for _, s := range r.sessions {
		s.meter.stop(end)
	}
	helpers.Wait()
	return r.report(end)
}

func (r *runner) reportProgress(total time.Duration, done <-chan struct{}) {
	if r.cfg.Progress == nil {
		return
	}
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
			p := Progress{Elapsed: time.Since(r.begin), Total: total}
			for _, s := range r.sessions {
				s.addTo(&p)
			}
			r.cfg.Progress(p)
		}
	}
}

// newClient makes the HTTP client of a run. Its bound on connections keeps a
// thousand sessions that end together from exhausting the server's backlog.
func newClient() *http.Client {
	return &http.Client{
		Timeout: 15 * time.Second,
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			MaxConnsPerHost:     64,
			MaxIdleConnsPerHost: 64,
			IdleConnTimeout:     30 * time.Second,
		},
	}
}
