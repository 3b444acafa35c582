//go:build faults

package capture

import (
	"sync"

	"porthole/capture/source"
	"porthole/capture/v4l2"
	"porthole/capture/v4l2/videodev"
)

// faultyControls are what can be set about a faulty camera: it notes it, and looks the same.
type faultyControls struct {
	mu   sync.Mutex
	list []videodev.Control
}

func newFaultyControls() *faultyControls {
	const user, camera = 0x00980900, 0x009a0900
	return &faultyControls{list: []videodev.Control{
		{ID: user, Kind: videodev.Integer, Title: "Brightness", Max: 255, Step: 1, Default: 128, Value: 128},
		{ID: user + 24, Kind: videodev.Menu, Title: "Power Line Frequency", Max: 2, Default: 1, Value: 1, Items: []videodev.Item{
			{Index: 0, Title: "Disabled"}, {Index: 1, Title: "50 Hz"}, {Index: 2, Title: "60 Hz"},
		}},
		{ID: camera + 1, Kind: videodev.Menu, Title: "Auto Exposure", Min: 0, Max: 3, Default: 3, Value: 3, Items: []videodev.Item{
			{Index: 1, Title: "Manual Mode"}, {Index: 3, Title: "Aperture Priority Mode"},
		}},
		{ID: camera + 2, Kind: videodev.Integer, Title: "Exposure Time, Absolute", Min: 3, Max: 2047, Step: 1, Default: 250, Value: 250, Inactive: true},
		{ID: camera + 13, Kind: videodev.Integer, Title: "Zoom, Absolute", Min: 100, Max: 500, Step: 10, Default: 100, Value: 100},
		{ID: user + 20, Kind: videodev.Boolean, Title: "Horizontal Flip", Max: 1, Step: 1},
		{ID: 0x0a046d05, Kind: videodev.Boolean, Title: "LED1 Mode", Max: 1, Step: 1, Default: 1, Value: 1},
		{ID: camera + 6, Kind: videodev.Button, Title: "Pan, Reset"},
	}}
}

// open returns the camera's node as far as controls are concerned, if the file is there.
func (f *faultyControls) open(spec source.Spec, dir v4l2.Dir) func(string) (v4l2.Node, error) {
	return func(string) (v4l2.Node, error) {
		if err := dir.Look(spec.Device); err != nil {
			return nil, err
		}
		return faultyNode{controls: f}, nil
	}
}

// faultyNode is a node that is asked for controls only.
type faultyNode struct {
	v4l2.Node
	controls *faultyControls
}

// Controls lists them.
func (n faultyNode) Controls() ([]videodev.Control, error) {
	n.controls.mu.Lock()
	defer n.controls.mu.Unlock()
	return append([]videodev.Control{}, n.controls.list...), nil
}

// Set notes a value. An exposure can be set while it is not automatic.
func (n faultyNode) Set(id uint32, value int64) error {
	n.controls.mu.Lock()
	defer n.controls.mu.Unlock()
	for i := range n.controls.list {
		c := &n.controls.list[i]
		if c.ID == id && c.Kind != videodev.Button {
			c.Value = value
		}
		if c.Inactive || c.Title == "Exposure Time, Absolute" {
			c.Inactive = n.controls.list[2].Value != 1
		}
	}
	return nil
}

// Close does nothing.
func (n faultyNode) Close() error { return nil }
