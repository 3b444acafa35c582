package main

import (
	"errors"
	"fmt"
)

// errReported ends a command with exit code 1 when what went wrong is already
// part of what the command printed.
var errReported = errors.New("already reported")

// usageError is a fault in what was asked for: exit code 2. Its text may have
// several lines, one for each fault.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}
