package settings

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ReadFile reads a YAML file strictly: one document, one mapping, known keys, each once.
// What can be read is returned beside the faults of the rest, so that all of them are
// told at once, each with file and line.
func (t Table[T]) ReadFile(path string) (Layer, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the configuration: %w", err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("%s: %s", path, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if len(doc.Content) == 0 {
		return nil, nil // empty, or comments only
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s:%d: not a list of settings such as `http: 127.0.0.1:8080`", path, root.Line)
	}

	layer := make(Layer)
	var faults []error
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		origin := fmt.Sprintf("%s:%d: %s", path, key.Line, key.Value)
		values, err := t.readKey(key, value)
		if _, twice := layer[key.Value]; twice {
			err = errors.New("is set twice")
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", origin, err))
			continue
		}
		layer[key.Value] = Assignment{Values: values, Origin: origin}
	}
	return layer, errors.Join(faults...)
}

// readKey returns the values that a key of the file has.
func (t Table[T]) readKey(key, value *yaml.Node) ([]string, error) {
	var known *Setting[T]
	for i := range t {
		if t[i].Name == key.Value {
			known = &t[i]
		}
	}
	switch {
	case known == nil:
		return nil, fmt.Errorf("unknown key%s", suggestion("", key.Value, t.Names()))
	case value.Kind == yaml.ScalarNode:
		return []string{value.Value}, nil
	case value.Kind != yaml.SequenceNode || !known.List:
		return nil, errors.New("takes a single value")
	}
	values := make([]string, len(value.Content))
	for i, item := range value.Content {
		if item.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("line %d is not a single value; a text with a colon at its end needs \"quotes\"", item.Line)
		}
		values[i] = item.Value
	}
	return values, nil
}
