package settings

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Assignment is what one place says about one setting.
type Assignment struct {
	Values []string
	Origin string // the setting as it is called there: "--http", "PORTHOLE_HTTP", "porthole.yaml:3: http"
}

// Layer is what one place says, by the names of settings.
type Layer map[string]Assignment

// Layers are places, each overruled by those behind it.
type Layers []Layer

// Find returns what the last of the layers that gives a value says about a setting.
func (l Layers) Find(name string) (Assignment, bool) {
	for _, layer := range slices.Backward(l) {
		if a, ok := layer[name]; ok && len(a.Values) > 0 && a.Values[0] != "" {
			return a, true
		}
	}
	return Assignment{}, false
}

// Origins returns what counts in the end, by setting. A file with a secret counts as its
// setting's own, and one overrules the other.
func (t Table[T]) Origins(layers Layers) Layer {
	origins := make(Layer)
	for _, layer := range layers {
		maps.Copy(origins, layer)
		for _, s := range t {
			if s.instead == "" {
				continue
			}
			if _, ok := layer[s.Name]; ok {
				delete(origins, s.instead)
			} else if _, ok := layer[s.instead]; ok {
				delete(origins, s.Name)
			}
		}
	}
	return origins
}

// ReadEnv reads the variable of each setting, which is prefix and the name in capitals, from an environment of NAME=VALUE. An
// empty variable counts as none, which is how compose files and unit files leave one out; values of a list are separated by
// spaces. A variable with the prefix that is none of a setting is a fault, which names it and the nearest one.
func (t Table[T]) ReadEnv(prefix string, environ []string) (layer Layer, faults []error) {
	byVariable, names := make(map[string]Setting[T], len(t)), make([]string, len(t))
	for i, s := range t {
		names[i] = strings.TrimPrefix(Variable(prefix, s.Name), prefix)
		byVariable[prefix+names[i]] = s
	}
	layer = make(Layer)
	for _, entry := range environ {
		variable, text, _ := strings.Cut(entry, "=")
		s, known := byVariable[variable]
		switch {
		case !known && strings.HasPrefix(variable, prefix):
			faults = append(faults, fmt.Errorf("%s: no setting has this variable%s", variable,
				suggestion(prefix, strings.TrimPrefix(variable, prefix), names)))
		case known && text != "":
			values := []string{text}
			if s.List {
				values = strings.Fields(text)
			}
			layer[s.Name] = Assignment{Values: values, Origin: variable}
		}
	}
	return layer, faults
}

// Variable returns the environment variable of a setting.
func Variable(prefix, name string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}
