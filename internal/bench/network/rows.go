package main

import (
	"time"
)

// row is one path, and what must be seen on it.
type row struct {
	name    string
	title   string
	phases  []phase
	queue   time.Duration // of the bottleneck
	rtt     time.Duration // of the way, beside the queue
	loss    int           // percent of the packets to the viewer, at random
	obs     bool          // a publisher like OBS in the place of the camera
	house   bool          // ten viewers
	targets []target
}

// phase is a time in which the bottleneck has one rate.
type phase struct {
	bits    int // a second
	seconds int
}

const (
	mbit  = 1_000_000
	queue = 200 * time.Millisecond
)

// one is a row's only phase.
func one(bits int) []phase { return []phase{{bits, 30}} }

// rows is the table, in its order.
var rows = []row{
	{name: "good", title: "20 Mbit/s", phases: one(20 * mbit), queue: queue, targets: moving(600 * time.Millisecond)},
	{name: "2", title: "2 Mbit/s", phases: one(2 * mbit), queue: queue, targets: moving(600 * time.Millisecond)},
	{name: "1", title: "1 Mbit/s", phases: one(mbit), queue: queue, targets: moving(600 * time.Millisecond)},
	{name: "0.5", title: "0.5 Mbit/s", phases: one(mbit / 2), queue: queue, targets: moving(600 * time.Millisecond)},
	{
		name: "steps", title: "2.5, 0.8, 2.5 Mbit/s", phases: []phase{{2.5 * mbit, 20}, {0.8 * mbit, 20}, {2.5 * mbit, 20}}, queue: queue,
		targets: []target{downWithin(2 * time.Second), noPause(time.Second), upWithin(10 * time.Second)},
	},
	{
		name: "loss", title: "5 % random loss, 60 ms round trip", phases: one(20 * mbit), queue: queue, rtt: 60 * time.Millisecond, loss: 5,
		targets: []target{topAlways, noPause(500 * time.Millisecond)},
	},
	{name: "far", title: "1 Mbit/s, 200 ms round trip", phases: one(mbit), queue: queue, rtt: 200 * time.Millisecond, targets: moving(time.Second)},
	{
		name: "house", title: "10 viewers behind 6 Mbit/s", phases: []phase{{6 * mbit, 20}, {6 * mbit, 20}}, queue: queue, house: true,
		targets: []target{fair, allMoving, costsNothing, fewRepeats},
	},
	{
		name: "obs", title: "1 Mbit/s, publisher like OBS", phases: one(mbit), queue: queue, obs: true,
		targets: []target{soundGoesOn, noPause(2500 * time.Millisecond), fewRepeats, sentence, noReconnect},
	},
}

// moving is what every narrow path must show.
func moving(delay time.Duration) []target {
	return []target{noPause(time.Second), atLeast(12), delayWithin(delay), fewRepeats}
}
