// Package sourceinfo is what is told of sources on this machine, and what may be changed about them, as types: the JSON of the API. It does
// not know how either is done.
package sourceinfo

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

var (
	// ErrNoSource means that there is no source of that name.
	ErrNoSource = errors.New("there is no source of this name on this machine")
	// ErrInvalid is wrapped by every error about a change that could not be made as it was asked for. Nothing of it has been made then.
	ErrInvalid = errors.New("this cannot be changed so")
	// ErrAway means that the device cannot be asked now: it is not plugged in, or may not be opened.
	ErrAway = errors.New("the device cannot be asked now")
)

// Source is one source.
type Source struct {
	Name string `json:"name"` // of its stream
	Kind string `json:"kind"` // "camera", "pattern", ...
	// URI asks for the source as it is now, with all that was changed since the start: for --source.
	URI string `json:"uri"`
	// Mode is how its camera was opened last; left out before that, and for what is no camera.
	Mode *Mode `json:"mode,omitempty"`
	// Adjustable says that it is a camera, which may have controls.
	Adjustable bool `json:"adjustable"`
	// Sound is what is heard; left out for what has no sound of its own. It is muted and made louder by the controls "mic-mute" and "mic-gain".
	Sound *Sound `json:"sound,omitempty"`
	// Controls are those of a camera, in the driver's order; never nil. Lists of sources have none.
	Controls []Control `json:"controls"`
	// Problem says why the controls are not known now; left out when they are.
	Problem string `json:"problem,omitempty"`
}

// Sound is that of a source.
type Sound struct {
	Microphone string `json:"microphone,omitempty"` // the one that is open
	Muted      bool   `json:"muted"`
	Gain       int64  `json:"gain"` // decibels
	// Level is the peak of the last tenth of a second, in dBFS, 0 and less; left out while nothing is heard.
	Level *float64 `json:"level,omitempty"`
}

// Mode is what a camera delivers.
type Mode struct {
	Device string  `json:"device"` // the path of its node
	Format string  `json:"format"` // "YUYV", "MJPEG", "H264", ...
	Width  int     `json:"width"`
	Height int     `json:"height"`
	FPS    float64 `json:"fps,omitempty"` // left out where the driver does not tell
	AsItIs bool    `json:"asItIs"`        // it is H.264, which is not encoded again
	Why    string  `json:"why,omitempty"` // why it is, or is not, of a camera that encodes H.264
}

// Kinds of controls.
const (
	Integer = "integer" // from Min to Max in steps
	Boolean = "boolean" // 0 or 1
	Menu    = "menu"    // the value of one of Items
	Button  = "button"  // no value: setting it does something
)

// Control is something about a camera that can be read, and mostly set.
type Control struct {
	Name    string `json:"name"`  // by which it is set
	Title   string `json:"title"` // as the driver calls it
	Kind    string `json:"kind"`
	Min     *int64 `json:"min,omitempty"` // of integers
	Max     *int64 `json:"max,omitempty"`
	Step    uint64 `json:"step,omitempty"`
	Default *int64 `json:"default,omitempty"`
	Value   *int64 `json:"value,omitempty"` // now; left out where it cannot be read
	Items   []Item `json:"items,omitempty"` // of menus
	// Kept is what it is set to whenever the camera is opened, as it was asked for; left out when it is left alone.
	Kept string `json:"kept,omitempty"`

	ReadOnly bool `json:"readOnly,omitempty"`
	Inactive bool `json:"inactive,omitempty"` // setting it does nothing now, because of another one
	Busy     bool `json:"busy,omitempty"`     // it cannot be set while the camera works
}

// Item is one choice of a menu.
type Item struct {
	Value int64  `json:"value"`
	Name  string `json:"name"` // by which it can be chosen, too
	Title string `json:"title"`
}

// Change is what is to become different; what is left out stays.
type Change struct {
	Controls map[string]Value `json:"controls"`
}

// Value is what a control is to be, as text: a number, "on", "off", the name of an item, or "default". In JSON it is a number, a boolean, a
// string, or null for the default, after which the control is left alone.
type Value string

// Default is null in JSON.
const Default Value = "default"

// UnmarshalJSON reads any of these.
func (v *Value) UnmarshalJSON(data []byte) error {
	var any any
	if err := json.Unmarshal(data, &any); err != nil {
		return err
	}
	switch value := any.(type) {
	case nil:
		*v = Default
	case bool:
		*v = map[bool]Value{true: "on", false: "off"}[value]
	case string:
		*v = Value(value)
	case float64:
		if value != float64(int64(value)) {
			return fmt.Errorf("%v is not a whole number", value)
		}
		*v = Value(strconv.FormatInt(int64(value), 10))
	default:
		return fmt.Errorf("%.50s is neither a number, a boolean, a string nor null", data)
	}
	return nil
}
