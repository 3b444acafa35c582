// Package report is what the program inside the virtual machine of test/camera tells the test outside.
// It goes through a serial port as one JSON document.
package report

import "encoding/json"

// Report is what the guest saw.
type Report struct {
	Failure string          `json:"failure,omitempty"` // what could not be done; then the rest is incomplete
	Devices json.RawMessage `json:"devices"`           // what `porthole devices --json` printed
	Seconds map[string]int  `json:"seconds"`           // since the kernel started, by what had been reached then

	Watched Watched `json:"watched"` // a few seconds of a working camera; these are the pictures in the recording
	Busy    string  `json:"busy"`    // what a second Porthole said about the camera that the first one uses
	Replug  Watched `json:"replug"`  // after the camera was unplugged and plugged in again under another number, the same viewer

	Formats  []Format   `json:"formats"`  // in which the camera was opened, one after the other
	Controls Controls   `json:"controls"` // while it is watched
	Faults   []Fault    `json:"faults"`   // of the camera, which the same viewer saw
	OnDemand []OnDemand `json:"onDemand"` // of a camera that was off
	Freed    Watched    `json:"freed"`    // after the camera was off, and taken by another program for a while
}

// Format is what pictures of one pixel format are like.
type Format struct {
	Name     string  `json:"name"`
	Pictures int     `json:"pictures"`
	Y        float64 `json:"y"` // the mean of luma, and of both planes of chroma, of the last
	U        float64 `json:"u"`
	V        float64 `json:"v"`
}

// Controls is what became of the camera's controls.
type Controls struct {
	Listed    json.RawMessage  `json:"listed"`  // what the API says of the source, before
	Refused   []string         `json:"refused"` // what it said of changes that are wrong
	Set       map[string]int64 `json:"set"`     // as the driver says, by its names, after changes
	Replugged map[string]int64 `json:"replugged"`
}

// Fault is something that happened to the camera while it was watched.
type Fault struct {
	Name  string  `json:"name"`
	After Watched `json:"after"` // when it was over
}

// OnDemand is a viewer of a camera that was off when it came.
type OnDemand struct {
	Milliseconds int     `json:"milliseconds"` // from the offer to the first picture
	Watched      Watched `json:"watched"`
}

// Watched is what a viewer received.
type Watched struct {
	Packets   int     `json:"packets"`
	Lost      int     `json:"lost"` // gaps in the sequence numbers
	Pictures  int     `json:"pictures"`
	Keyframes int     `json:"keyframes"`
	Seconds   float64 `json:"seconds"` // from the first picture to the last, by their RTP timestamps
}
