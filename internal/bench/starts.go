package main

import (
	"context"
	"strconv"
	"time"

	"porthole/internal/load"
)

// How viewers come when the time to the first keyframe is measured.
const (
	alone        = 10                     // one after the other
	aloneApart   = 600 * time.Millisecond // no divisor of the time between keyframes
	crowd        = 50                     // at once; tables say so too
	patienceMore = time.Second            // beyond the time between two keyframes
)

// firsts is how long after its POST a viewer has the first whole keyframe, in
// milliseconds.
type firsts struct {
	Server    string  `json:"server"`
	Publisher string  `json:"publisher"`
	Alone     result  `json:"one_after_the_other_ms"`
	Crowd     result  `json:"fifty_at_once_ms"`
	Requests  float64 `json:"keyframe_requests"` // that reached the publisher, of all of them
}

// result sums up the viewers who saw a keyframe.
type result struct {
	Opened int     `json:"viewers"`
	Saw    int     `json:"viewers_with_keyframe"`
	Median float64 `json:"median"`
	P95    float64 `json:"p95"`
	Max    float64 `json:"max"`

	// Medians of the steps on the way, since POST as well.
	Answer float64 `json:"answer"`
	ICE    float64 `json:"ice"`
	DTLS   float64 `json:"dtls"`
	Packet float64 `json:"first_packet"`
}

// feeds are the publishers with which starts are measured: one that answers
// requests for a keyframe as a browser does, one that does not, as OBS and FFmpeg.
func feeds() map[string]feed {
	return map[string]feed{
		"answers PLI, keyframe every 2 s": {gop: usualGOP},
		"ignores PLI, keyframe every 4 s": {gop: 2 * usualGOP, deaf: true},
	}
}

// measureStart lets viewers come, to one server with one kind of publisher.
// Viewers ask for a keyframe when media begins, as browsers do.
func (p programs) measureStart(ctx context.Context, server, publisher string) (firsts, error) {
	f := feeds()[publisher]
	s, err := p.startServer(ctx, server, f)
	if err != nil {
		return firsts{}, err
	}
	defer s.stop()
	if err := sleep(ctx, settled); err != nil {
		return firsts{}, err
	}
	r := firsts{Server: server, Publisher: publisher}
	enough := f.gop + patienceMore
	if r.Alone, err = s.come(ctx, alone, (alone-1)*aloneApart, enough); err != nil {
		return firsts{}, err
	}
	if r.Crowd, err = s.come(ctx, crowd, time.Nanosecond, enough); err != nil {
		return firsts{}, err
	}
	if err := s.publisher.Stop(); err != nil {
		return firsts{}, err
	}
	var published struct {
		Requests float64 `json:"keyframe_requests"`
	}
	err = s.publisher.Await(ctx, "published", &published)
	r.Requests = published.Requests
	return r, err
}

// come opens viewers within a time, and closes them a time after the last one.
func (s *server) come(ctx context.Context, viewers int, within, stay time.Duration) (result, error) {
	ctx, cancel := context.WithTimeout(ctx, within+stay+30*time.Second)
	defer cancel()
	a, err := s.startWatching("--viewers", strconv.Itoa(viewers), "--ramp", within.String(), "--for", stay.String(), "--pli")
	if err != nil {
		return result{}, err
	}
	defer func() { _ = a.Stop() }()
	if err := a.Wait(ctx); err != nil {
		return result{}, err
	}
	var report load.Report
	if err := a.Result(&report); err != nil {
		return result{}, err
	}
	first := report.FirstKeyframe
	return result{
		Opened: report.Opened, Saw: first.Count, Median: first.P50, P95: first.P95, Max: first.Max,
		Answer: report.Answer.P50, ICE: report.ICE.P50, DTLS: report.DTLS.P50, Packet: report.FirstPacket.P50,
	}, nil
}
