package doctor

import (
	"context"
	"errors"
	"os"
)

// ErrReadable says that users of this machine other than its owner and its group can
// read a file with secrets.
var ErrReadable = errors.New("every user of this machine can read it")

// SecretFile is a file that holds a token, a key or a password.
type SecretFile struct {
	Flag string // that names it, "--publish-token-file"
	Path string
}

// Check returns ErrReadable, or what keeps the file from being looked at.
func (f SecretFile) Check() error {
	info, err := os.Stat(f.Path)
	switch {
	case err != nil:
		return err
	case info.Mode().IsRegular() && info.Mode().Perm()&0o004 != 0:
		return ErrReadable
	}
	return nil
}

// Cure is the command that keeps others from reading the file.
func (f SecretFile) Cure() string { return "chmod o-r " + f.Path }

// secrets looks at who can read the files with secrets.
func (c Config) secrets(context.Context) (findings []Finding) {
	for _, file := range c.SecretFiles {
		finding := Finding{
			Group: "secrets", Name: file.Flag, Found: "only its owner and its group can read " + file.Path,
			Data: map[string]any{"file": file.Path},
		}
		switch err := file.Check(); {
		case errors.Is(err, ErrReadable):
			finding.Verdict, finding.Found, finding.Cure = Warn, "every user of this machine can read "+file.Path, file.Cure()
		case err != nil:
			finding.Verdict, finding.Found, finding.Cure = Fail, err.Error(), "give the server's user a file that it can read"
		}
		findings = append(findings, finding)
	}
	return findings
}
