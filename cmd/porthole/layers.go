package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"porthole/internal/doctor"
)

const envPrefix = "PORTHOLE_"

// loadConfig reads the configuration of the serve command: defaults, under the
// profile's presets, under the YAML file, under the environment, under the flags. The error is a usageError
// that tells every fault, or flag.ErrHelp.
func loadConfig(args []string, getenv func(string) string) (Config, error) {
	return loadConfigFor("serve", args, getenv)
}

// loadConfigFor is loadConfig for a command that takes the same, and extra flags.
func loadConfigFor(
	command string, args []string, getenv func(string) string, extra ...setting[Config],
) (Config, error) {
	settings := serveSettings()
	flags, err := parseFlags(command, slices.Concat(settings, extra, []setting[Config]{configSetting()}), args)
	if err != nil {
		return Config{}, err
	}
	env := readEnv(append(settings, configSetting()), getenv)

	c := defaultConfig()
	var faults []error
	var file map[string]assignment
	if path, ok := firstOf("config", flags, env); ok {
		if file, err = readFile(settings, path.values[0]); err != nil {
			for _, fault := range flatten(err) {
				faults = append(faults, fmt.Errorf("%s: %w", path.origin, fault))
			}
		}
		if holdsSecrets(settings, file) {
			c.SecretFiles = append(c.SecretFiles, doctor.SecretFile{Flag: "--config", Path: path.values[0]})
		}
	}
	if profile, ok := firstOf("profile", flags, env, file); ok {
		faults = append(faults, apply(&c, settings, preset(profile.values[0], flags, env, file))...)
	}
	faults = append(faults, apply(&c, settings, file)...)
	faults = append(faults, apply(&c, settings, env)...)
	faults = append(faults, apply(&c, slices.Concat(settings, extra), flags)...)
	if len(faults) == 0 { // else it would judge defaults that nobody chose
		faults = append(faults, c.Validate())
	}
	if err := errors.Join(faults...); err != nil {
		return Config{}, usageError{err}
	}
	return c, nil
}

// firstOf returns what the first of the layers that has it says about a setting.
func firstOf(name string, layers ...map[string]assignment) (assignment, bool) {
	for _, layer := range layers {
		if a, ok := layer[name]; ok && a.values[0] != "" {
			return a, true
		}
	}
	return assignment{}, false
}

// readEnv looks up the variable of each setting. An empty variable counts as
// none, which is how compose files and unit files leave one out.
func readEnv(settings []setting[Config], getenv func(string) string) map[string]assignment {
	layer := make(map[string]assignment)
	for _, s := range settings {
		variable := envPrefix + strings.ToUpper(strings.ReplaceAll(s.name, "-", "_"))
		text := getenv(variable)
		if text == "" {
			continue
		}
		values := []string{text}
		if s.list {
			values = strings.Fields(text)
		}
		layer[s.name] = assignment{values: values, origin: variable}
	}
	return layer
}

// readFile reads a YAML file strictly: one document, one mapping, known keys,
// each once. What can be read is returned beside the faults of the rest, so
// that all of them are told at once.
func readFile(settings []setting[Config], path string) (map[string]assignment, error) {
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

	layer := make(map[string]assignment)
	var faults []error
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		origin := fmt.Sprintf("%s:%d: %s", path, key.Line, key.Value)
		values, err := readKey(settings, key, value)
		if _, twice := layer[key.Value]; twice {
			err = errors.New("is set twice")
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", origin, err))
			continue
		}
		layer[key.Value] = assignment{values: values, origin: origin}
	}
	return layer, errors.Join(faults...)
}

// readKey returns the values that a key of the file has.
func readKey(settings []setting[Config], key, value *yaml.Node) ([]string, error) {
	var known *setting[Config]
	var names []string
	for i := range settings {
		names = append(names, settings[i].name)
		if settings[i].name == key.Value {
			known = &settings[i]
		}
	}
	switch {
	case known == nil:
		return nil, fmt.Errorf("unknown key%s", suggestion("", key.Value, names))
	case value.Kind == yaml.ScalarNode:
		return []string{value.Value}, nil
	case value.Kind != yaml.SequenceNode || !known.list:
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
