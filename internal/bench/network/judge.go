package main

import (
	"fmt"
	"time"
)

// target is what must be seen on a path, in words, and whether it was.
type target struct {
	text string
	met  func(*result) bool
}

func noPause(limit time.Duration) target {
	return target{"no freeze over " + seconds(limit), func(r *result) bool { return r.LongestPause <= limit.Seconds() }}
}

func atLeast(rate float64) target {
	return target{fmt.Sprintf("≥ %v pictures a second", rate), func(r *result) bool { return r.Rate >= rate }}
}

func delayWithin(limit time.Duration) target {
	return target{"delay p95 ≤ " + seconds(limit), func(r *result) bool { return r.DelayP95 > 0 && r.DelayP95 <= float64(limit.Milliseconds()) }}
}

func downWithin(limit time.Duration) target {
	return target{"lower rung within " + seconds(limit), func(r *result) bool { return r.Down >= 0 && r.Down <= limit.Seconds() }}
}

func upWithin(limit time.Duration) target {
	return target{"top rung again within " + seconds(limit), func(r *result) bool { return r.Up >= 0 && r.Up <= limit.Seconds() }}
}

var (
	fewRepeats = target{"repeated ≤ 10 % of sent", func(r *result) bool { return r.Sent > 0 && float64(r.Resent) <= 0.1*float64(r.Sent) }}
	topAlways  = target{"top rung all the time", func(r *result) bool { return r.Pictures > 0 && r.Top == 1 }}
	// What is concealed for less than 1 % of the time is what a jitter buffer does to keep up with a queue.
	soundGoesOn = target{"sound without a gap", func(r *result) bool { return r.Sound > 0 && r.Concealed <= 0.01*r.Sound }}
	sentence    = target{"the page says why", func(r *result) bool { return len(r.Words) > 0 }}
	noReconnect = target{"no reconnect", func(r *result) bool { return r.Reconnects == 0 }}
)

func seconds(d time.Duration) string { return fmt.Sprintf("%v s", d.Seconds()) }

// verdict is whether a target was met.
type verdict struct {
	Target string `json:"target"`
	Met    bool   `json:"met"`
}

func (r *result) judge(targets []target) {
	r.Verdicts = nil
	for _, t := range targets {
		r.Verdicts = append(r.Verdicts, verdict{t.text, t.met(r)})
	}
}
