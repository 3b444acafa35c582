package archive

import (
	"cmp"
	"errors"
	"slices"
	"time"
)

// Retention says what is kept. The zero value keeps everything.
type Retention struct {
	Age   time.Duration // since the end of a file; 0: however old
	Bytes int64         // of all files together; 0: any number
	Free  int64         // bytes that stay free on each disk; 0: any number
}

// Sweep deletes the oldest files of all streams until the others keep within the bounds. Files that are being written
// stay, whatever they take. It returns what it has deleted.
func (a *Archive) Sweep(now time.Time, keep Retention) (removed []File, err error) {
	streams, err := a.Streams()
	faults := []error{err}
	var files []File
	total := int64(0)
	for _, stream := range streams {
		of, err := a.Files(stream)
		faults = append(faults, err)
		files = append(files, of...)
	}
	slices.SortStableFunc(files, func(x, y File) int { return cmp.Or(x.Start.Compare(y.Start), cmp.Compare(x.Path, y.Path)) })
	for _, f := range files {
		total += f.Size
	}
	for _, f := range files {
		old := keep.Age > 0 && now.Sub(f.End()) > keep.Age
		much := keep.Bytes > 0 && total > keep.Bytes
		if f.Open || !old && !much && !a.lacksRoom(f.Stream, keep.Free) {
			continue
		}
		if err := a.Remove(f); err != nil {
			faults = append(faults, err)
			continue
		}
		total -= f.Size
		removed = append(removed, f)
	}
	return removed, errors.Join(faults...)
}

// lacksRoom says whether less is free than has to be on the disk of a stream.
func (a *Archive) lacksRoom(stream string, free int64) bool {
	if free <= 0 {
		return false
	}
	room, err := a.Room(stream)
	return err == nil && room < free
}
