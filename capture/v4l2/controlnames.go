package v4l2

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"porthole/capture/v4l2/videodev"
	"porthole/internal/sourceinfo"
)

// namedControl is a control with the name that it goes by here.
type namedControl struct {
	name    string
	control videodev.Control
}

// step is a control that is to be set.
type step struct {
	namedControl
	value   int64
	text    string // as it was asked for
	implied bool   // it was not: another one needs it
	idle    bool   // nothing is to be done: another one sets it, and goes on with that
}

// knownNames are what many cameras' controls are called here (source.ControlNames), by their numbers (linux/v4l2-controls.h).
func knownNames() map[uint32]string {
	const user, camera = 0x00980900, 0x009a0900
	return map[uint32]string{
		user: "brightness", user + 1: "contrast", user + 2: "saturation", user + 3: "hue", user + 12: "auto-white-balance", user + 16: "gamma",
		user + 18: "auto-gain", user + 19: "gain", user + 20: "hflip", user + 21: "vflip", user + 24: "power-line", user + 26: "white-balance",
		user + 27: "sharpness", user + 28: "backlight",
		camera + 1: "auto-exposure", camera + 2: "exposure", camera + 3: "exposure-priority", camera + 8: "pan", camera + 9: "tilt", camera + 10: "focus",
		camera + 12: "auto-focus", camera + 13: "zoom", camera + 17: "iris", camera + 19: "exposure-bias", camera + 23: "iso",
	}
}

// automatics are controls that another one sets by itself, until it is told not to.
func automatics() map[string]string {
	return map[string]string{"exposure": "auto-exposure", "white-balance": "auto-white-balance", "focus": "auto-focus", "gain": "auto-gain"}
}

// encoderClass is that of controls of encoders, which the spec's bitrate and keyframe set.
const encoderClass = 0x0099

// named gives controls their names.
func named(all []videodev.Control) (list []namedControl) {
	taken := make(map[string]bool)
	for _, c := range all {
		if c.ID>>16 == encoderClass {
			continue
		}
		name := cmp.Or(knownNames()[c.ID], plainName(c.Title), "control")
		for n, base := 2, name; taken[name]; n++ {
			name = base + "-" + strconv.Itoa(n)
		}
		taken[name] = true
		list = append(list, namedControl{name, c})
	}
	return list
}

// plainName makes "exposure-time-absolute" of "Exposure Time, Absolute".
func plainName(title string) string {
	words := strings.FieldsFunc(strings.ToLower(title), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return strings.Join(words, "-")
}

// stepsTo says what is to be set, and in which order, to have controls as they are wanted: by name, as text. All that is wrong is told at once.
func stepsTo(have []namedControl, wanted map[string]string) (steps []step, err error) {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		i := slices.IndexFunc(have, func(n namedControl) bool { return n.name == plainName(name) })
		if i < 0 {
			faults = append(faults, fmt.Errorf("this camera has no control %q; it has %s", name, namesOf(have)))
			continue
		}
		value, err := have[i].parse(wanted[name])
		if err != nil {
			faults = append(faults, err)
			continue
		}
		idle := have[i].control.Inactive && wanted[name] == string(sourceinfo.Default)
		steps = append(steps, step{namedControl: have[i], value: value, text: wanted[name], idle: idle})
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	for _, s := range slices.Clone(steps) {
		automatic := automatics()[s.name]
		i := slices.IndexFunc(have, func(n namedControl) bool { return n.name == automatic })
		if _, said := wanted[automatic]; i < 0 || said || s.text == string(sourceinfo.Default) {
			continue
		}
		steps = append(steps, step{namedControl: have[i], value: have[i].manual(), implied: true})
	}
	// What switches others on and off comes first.
	slices.SortStableFunc(steps, func(a, b step) int {
		return cmp.Compare(boolToInt(!strings.HasPrefix(a.name, "auto-")), boolToInt(!strings.HasPrefix(b.name, "auto-")))
	})
	return steps, nil
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func namesOf(list []namedControl) string {
	var names []string
	for _, n := range list {
		names = append(names, n.name)
	}
	return strings.Join(names, ", ")
}

// manual is the value that leaves the rest to whoever sets it: off, or the item that says so.
func (n namedControl) manual() int64 {
	for _, item := range n.control.Items {
		if strings.Contains(strings.ToLower(item.Title), "manual") {
			return item.Index
		}
	}
	if n.control.Kind == videodev.Menu {
		return 1 // V4L2_EXPOSURE_MANUAL
	}
	return 0
}

// parse reads what a control is to be.
func (n namedControl) parse(text string) (int64, error) {
	c := n.control
	if c.ReadOnly {
		return 0, fmt.Errorf("%s cannot be set", n.name)
	}
	if text == string(sourceinfo.Default) {
		return c.Default, nil
	}
	number, err := strconv.ParseInt(text, 10, 64)
	switch c.Kind {
	case videodev.Button:
		return 1, nil
	case videodev.Boolean:
		switch text {
		case "on", "true", "1":
			return 1, nil
		case "off", "false", "0":
			return 0, nil
		}
	case videodev.Integer:
		if err == nil && number >= c.Min && number <= c.Max {
			return number, nil
		}
	default:
		for _, item := range n.items() {
			if text == item.Name || plainName(text) == item.Name || err == nil && number == item.Value && c.Kind == videodev.Menu {
				return item.Value, nil
			}
		}
	}
	return 0, fmt.Errorf("%s=%s; allowed: %s", n.name, text, n.allowed())
}

// allowed says what a control takes.
func (n namedControl) allowed() string {
	c := n.control
	switch c.Kind {
	case videodev.Boolean:
		return "on, off or default"
	case videodev.Integer:
		step := ""
		if c.Step > 1 {
			step = fmt.Sprintf(" in steps of %d", c.Step)
		}
		return fmt.Sprintf("%d to %d%s, or default, which is %d", c.Min, c.Max, step, c.Default)
	}
	var names []string
	for _, item := range n.items() {
		names = append(names, item.Name)
	}
	return strings.Join(names, ", ") + ", or default"
}

// items are the choices of a menu.
func (n namedControl) items() (items []sourceinfo.Item) {
	for _, item := range n.control.Items {
		name, title := plainName(item.Title), item.Title
		if n.control.Kind == videodev.IntegerMenu {
			name = strconv.FormatInt(item.Value, 10)
			title = name
		}
		items = append(items, sourceinfo.Item{Value: item.Index, Name: name, Title: title})
	}
	return items
}

// info is what is told of the control.
func (n namedControl) info() sourceinfo.Control {
	c := n.control
	info := sourceinfo.Control{
		Name: n.name, Title: c.Title, ReadOnly: c.ReadOnly, Inactive: c.Inactive, Busy: c.Grabbed, Items: n.items(),
	}
	switch c.Kind {
	case videodev.Button:
		info.Kind = sourceinfo.Button
		return info
	case videodev.Boolean:
		info.Kind = sourceinfo.Boolean
	case videodev.Menu, videodev.IntegerMenu:
		info.Kind = sourceinfo.Menu
	default:
		info.Kind, info.Min, info.Max, info.Step = sourceinfo.Integer, &c.Min, &c.Max, c.Step
	}
	info.Default = &c.Default
	if !c.WriteOnly {
		info.Value = &c.Value
	}
	return info
}
