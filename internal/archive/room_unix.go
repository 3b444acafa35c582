//go:build unix

package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Room is how many bytes are free, for us, on the disk where files of a stream are.
func (a *Archive) Room(stream string) (int64, error) {
	dir := a.Dir(stream)
	for {
		var s unix.Statfs_t
		err := unix.Statfs(dir, &s)
		if err == nil {
			return int64(s.Bavail) * int64(s.Bsize), nil //nolint:gosec,unconvert // disks have less than 8 EiB; types differ between systems
		}
		parent := filepath.Dir(dir)
		if !errors.Is(err, fs.ErrNotExist) || parent == dir {
			return 0, fmt.Errorf("ask how full the disk of %s is: %w", dir, err)
		}
		dir = parent // which is not there before its first file
	}
}
