//go:build unix

package v4l2

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

// mayOpen says whether this user may read and write a file.
func mayOpen(file string) error {
	if err := unix.Access(file, unix.R_OK|unix.W_OK); err != nil {
		return &fs.PathError{Op: "open", Path: file, Err: err}
	}
	return nil
}
