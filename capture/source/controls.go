package source

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Controls says which controls of a camera are set, and to what, as text: "exposure=157&gain=default", names in order. The
// zero value is none.
type Controls string

// Setting is one of them.
type Setting struct {
	Name  string // of ControlNames, or what the driver calls it
	Value string // a number, on, off, an item of a menu, or default
}

// MakeControls makes Controls of settings, in any order.
func MakeControls(settings []Setting) Controls {
	settings = slices.Clone(settings)
	slices.SortFunc(settings, func(a, b Setting) int { return cmp.Compare(a.Name, b.Name) })
	var texts []string
	for _, s := range settings {
		texts = append(texts, url.QueryEscape(s.Name)+"="+url.QueryEscape(s.Value))
	}
	return Controls(strings.Join(texts, "&"))
}

// Settings lists them.
func (c Controls) Settings() (list []Setting) {
	for pair := range strings.SplitSeq(string(c), "&") {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			continue
		}
		// What MakeControls has escaped can be read.
		name, _ = url.QueryUnescape(name)
		value, _ = url.QueryUnescape(value)
		list = append(list, Setting{name, value})
	}
	return list
}

// controlPrefix is what keys begin with that name a control as the driver does.
const controlPrefix = "control."

const maxControlText = 64 // bytes of a name, or of a value

// Key is the key of a URI that sets this control.
func (s Setting) Key() string {
	if slices.Contains(ControlNames(), s.Name) {
		return s.Name
	}
	return controlPrefix + s.Name
}

func (c Controls) addTo(query url.Values) {
	for _, s := range c.Settings() {
		query.Set(s.Key(), s.Value)
	}
}

// ControlNames lists the controls that many cameras have, whatever their drivers call them. They are keys of a camera's URI.
func ControlNames() []string {
	return []string{
		"brightness", "contrast", "saturation", "hue", "gamma", "sharpness", "backlight", "gain", "auto-gain",
		"white-balance", "auto-white-balance", "exposure", "auto-exposure", "exposure-priority", "exposure-bias",
		"focus", "auto-focus", "zoom", "pan", "tilt", "iris", "iso", "power-line", "hflip", "vflip",
	}
}

// takeControls moves the controls of a camera from the query to the spec. Which of them a camera has, and which values they take, is seen
// when it is opened.
func (s *Spec) takeControls(uri string, query url.Values) error {
	var settings []Setting
	for _, key := range slices.Sorted(maps.Keys(query)) {
		name, prefixed := strings.CutPrefix(key, controlPrefix)
		if !prefixed && !slices.Contains(ControlNames(), key) {
			continue
		}
		values := query[key]
		delete(query, key)
		switch {
		case len(values) > 1:
			return specError(uri, "%s is given %d times; allowed: once", key, len(values))
		case name == "" || values[0] == "" || len(name) > maxControlText || len(values[0]) > maxControlText:
			return specError(uri, "%s=%s: empty, or too long; allowed: a number, on, off, an item of the control's menu, or default", key, values[0])
		}
		settings = append(settings, Setting{name, values[0]})
	}
	s.Controls = MakeControls(settings)
	return nil
}

// hasControls tells the kinds of sources that are cameras.
func (s Spec) hasControls() bool { return s.Kind == Camera || s.Kind >= firstExtraKind }

// controlKeys completes a list of keys.
func (s Spec) controlKeys() string {
	if !s.hasControls() {
		return ""
	}
	return "; and of the camera's controls " + strings.Join(ControlNames(), ", ") + ", " + controlPrefix + "NAME"
}
