package settings

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// fileSuffix makes the name of the setting that reads another one's secret from a file.
const fileSuffix = "-file"

// maxSecretFile is how large a file with secrets may be, in bytes.
const maxSecretFile = 64 << 10

// WithFiles adds a setting for a file behind each setting that holds a secret: what
// stands on a command line is shown to everybody by `ps`, and what stands in the
// environment to every child. note is told which files were read, by which flag; nil:
// nobody asks.
func (t Table[T]) WithFiles(note func(target *T, flag, path string)) Table[T] {
	var all Table[T]
	for _, s := range t {
		all = append(all, s)
		if s.Secret {
			all = append(all, fileOf(s, note))
		}
	}
	return all
}

// fileOf is the setting that names a file with the value of s.
func fileOf[T any](s Setting[T], note func(target *T, flag, path string)) Setting[T] {
	name := s.Name + fileSuffix
	help := "A file with the value of --" + s.Name + ", so that it is not shown by ps."
	if s.List {
		help = "A file with values of --" + s.Name + ", one a line, so that they are not shown by ps."
	}
	file := Setting[T]{Name: name, Arg: "FILE", Help: help, Group: s.Group, Reload: s.Reload, instead: s.Name}
	file.Value = Do[T](nil)
	file.Value.set = func(target *T, values []string) error {
		if len(values) != 1 {
			return fmt.Errorf("takes one file, not %d", len(values))
		}
		secrets, err := readSecrets(values[0], s.List)
		if err != nil {
			return err
		}
		if note != nil {
			note(target, "--"+name, values[0])
		}
		if err := s.Value.set(target, secrets); err != nil {
			return fmt.Errorf("%s: %w", values[0], err)
		}
		return nil
	}
	return file
}

// readSecrets reads the one line of a file, or all of them when it holds a list, where
// lines that begin with # do not count. Errors never repeat what the file holds.
func readSecrets(path string, list bool) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the secret: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read the secret: %w", err)
	}
	if len(text) > maxSecretFile {
		return nil, fmt.Errorf("%s is larger than %d KiB; it should hold nothing but the secret", path, maxSecretFile>>10)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line != "" && !(list && strings.HasPrefix(line, "#")) {
			lines = append(lines, line)
		}
	}
	switch {
	case len(lines) == 0:
		return nil, fmt.Errorf("%s is empty; write the secret into it", path)
	case len(lines) > 1 && !list:
		return nil, fmt.Errorf("%s has %d lines; it should hold the secret alone, on one line", path, len(lines))
	}
	return lines, nil
}

// twice finds the settings that a layer gives both directly and by a file.
func (t Table[T]) twice(layer Layer) (faults []error) {
	for _, s := range t {
		file, ok := layer[s.Name]
		if !ok || s.instead == "" {
			continue
		}
		if value, ok := layer[s.instead]; ok {
			faults = append(faults, fmt.Errorf("%s and %s: both are given; leave one of them out", value.Origin, file.Origin))
		}
	}
	return faults
}

// HoldsSecrets says whether a layer gives a secret itself, as a configuration file may.
func (t Table[T]) HoldsSecrets(layer Layer) bool {
	for _, s := range t {
		if _, ok := layer[s.Name]; ok && s.Secret {
			return true
		}
	}
	return false
}
