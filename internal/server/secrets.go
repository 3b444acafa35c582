package server

import (
	"errors"
	"slices"

	"porthole/internal/doctor"
)

// Secrets lists the files that nobody but the server should be able to read.
func (c Config) Secrets() []doctor.SecretFile {
	files := slices.Clone(c.SecretFiles)
	if c.Key != "" {
		files = append(files, doctor.SecretFile{Flag: "--key", Path: c.Key})
	}
	return files
}

// warnOfReadableSecrets tells the operator which files with secrets any user of this
// machine can read.
func (s *Server) warnOfReadableSecrets() {
	for _, file := range s.cfg.Secrets() {
		if err := file.Check(); errors.Is(err, doctor.ErrReadable) {
			s.log.Warn("a file with secrets can be read by every user of this machine",
				"flag", file.Flag, "file", file.Path, "cure", file.Cure())
		}
	}
}
