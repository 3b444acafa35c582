package archive

import (
	"errors"
	"fmt"
	"os"

	"porthole/internal/container"
)

// Repair cuts off what a file that was not finished has after its last whole part, and writes into its head how long it is.
// A file of which nothing can be played is deleted. It is for the files of a stream that nobody writes, when the program
// begins; it returns those that it has changed, as they are then.
func (a *Archive) Repair() (repaired []File, err error) {
	streams, err := a.Streams()
	faults := []error{err}
	for _, stream := range streams {
		files, err := a.Files(stream)
		faults = append(faults, err)
		for _, f := range files {
			changed, err := a.repair(&f)
			if err != nil {
				faults = append(faults, fmt.Errorf("repair %s: %w", f.Path, err))
			}
			if changed {
				repaired = append(repaired, f)
			}
		}
	}
	return repaired, errors.Join(faults...)
}

func (a *Archive) repair(f *File) (changed bool, err error) {
	if f.Open || f.Format != container.MP4 && f.Format != container.WebM {
		return false, nil
	}
	file, err := os.OpenFile(f.Path, os.O_RDWR, 0)
	if err != nil {
		return false, err //nolint:wrapcheck // Repair says what and where
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	extent, err := container.Measure(file, f.Size, f.Format)
	switch {
	case err == nil && extent.Told:
		return false, nil // it was finished
	case errors.Is(err, container.ErrNoHead), err == nil && extent.Parts == 0:
		f.Size, f.Duration = 0, 0
		return true, a.Remove(*f)
	case err != nil:
		return false, err //nolint:wrapcheck // likewise
	}
	if err := file.Truncate(extent.End); err != nil {
		return false, err //nolint:wrapcheck // likewise
	}
	if err := container.Finish(file, f.Format, extent.Duration); err != nil {
		return false, err //nolint:wrapcheck // likewise
	}
	f.Size, f.Duration = extent.End, extent.Duration
	return true, nil
}
