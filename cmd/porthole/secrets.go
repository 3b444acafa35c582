package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"porthole/internal/doctor"
)

// fileSuffix makes the name of the setting that reads another one's secret from a file.
const fileSuffix = "-file"

// maxSecretFile is how large a file with secrets may be, in bytes.
const maxSecretFile = 64 << 10

// withFiles adds a setting for a file behind each setting that holds a secret: what
// stands on a command line is shown to everybody by `ps`, and what stands in the
// environment to every child. note is told which files were read; nil: nobody asks.
func withFiles[T any](settings []setting[T], note func(*T, doctor.SecretFile)) []setting[T] {
	var all []setting[T]
	for _, s := range settings {
		all = append(all, s)
		if !s.secret {
			continue
		}
		name := s.name + fileSuffix
		help := "A file with the value of --" + s.name + ", so that it is not shown by ps."
		if s.list {
			help = "A file with values of --" + s.name + ", one a line, so that they are not shown by ps."
		}
		all = append(all, setting[T]{
			name: name, arg: "FILE", help: help, instead: s.name,
			set: func(target *T, values []string) error {
				if len(values) != 1 {
					return fmt.Errorf("takes one file, not %d", len(values))
				}
				secrets, err := readSecrets(values[0], s.list)
				if err != nil {
					return err
				}
				if note != nil {
					note(target, doctor.SecretFile{Flag: "--" + name, Path: values[0]})
				}
				if err := s.set(target, secrets); err != nil {
					return fmt.Errorf("%s: %w", values[0], err)
				}
				return nil
			},
		})
	}
	return all
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
func twice[T any](settings []setting[T], layer map[string]assignment) (faults []error) {
	for _, s := range settings {
		file, ok := layer[s.name]
		if !ok || s.instead == "" {
			continue
		}
		if value, ok := layer[s.instead]; ok {
			faults = append(faults, fmt.Errorf("%s and %s: both are given; leave one of them out", value.origin, file.origin))
		}
	}
	return faults
}

// holdsSecrets says whether a layer gives a secret itself, as a configuration file may.
func holdsSecrets(settings []setting[Config], layer map[string]assignment) bool {
	return slices.ContainsFunc(settings, func(s setting[Config]) bool {
		_, ok := layer[s.name]
		return ok && s.secret
	})
}

// secretFiles lists the files that nobody but the server should be able to read.
func (c Config) secretFiles() []doctor.SecretFile {
	files := slices.Clone(c.SecretFiles)
	if c.Key != "" {
		files = append(files, doctor.SecretFile{Flag: "--key", Path: c.Key})
	}
	return files
}

// warnOfReadableSecrets tells the operator which files with secrets any user of this
// machine can read.
func (s *server) warnOfReadableSecrets() {
	for _, file := range s.cfg.secretFiles() {
		if err := file.Check(); errors.Is(err, doctor.ErrReadable) {
			s.log.Warn("a file with secrets can be read by every user of this machine",
				"flag", file.Flag, "file", file.Path, "cure", file.Cure())
		}
	}
}
