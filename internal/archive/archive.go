// Package archive is where recordings are on disk, and for how long:
//
//	DIR/NAME/2026-11-26T10-00-00.000Z.mp4            what was recorded of the stream NAME from then on
//	DIR/NAME/2026-11-26T10-00-00.000Z.timelapse.mp4  another kind of file of the same stream
//
// Names are times in UTC, so that they sort. Nothing else is kept: what is listed is what is there, and
// whoever moves, copies or deletes files by hand does no harm.
//
// Whoever writes a file takes it from [Archive.Create], and tells how far it is; the others see it grow.
// The package knows neither streams nor what is in a file beyond its length.
package archive

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"

	"porthole/internal/container"
	"porthole/internal/streamname"
)

// Faults of what is asked for.
var (
	ErrNotFound = errors.New("there is no such recording")
	ErrOpen     = errors.New("this file is being written")
)

// Stamp is the form of a file's time, in UTC.
const Stamp = "2006-01-02T15-04-05.000Z"

// What a kind of file is called in its name, between time and format.
const (
	Recording = ""
	Timelapse = "timelapse"
)

var fileName = regexp.MustCompile(`^(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z)(?:\.([a-z]+))?\.(mp4|webm|mjpeg)$`)

// File is one file of a stream. The zero Duration means that nothing in it can be played, or that it does not say.
type File struct {
	Stream   string
	Name     string    // "2026-11-26T10-00-00.000Z.mp4"
	Path     string    // in which it is
	Start    time.Time // UTC
	Kind     string    // Recording, Timelapse
	Format   string    // what its name ends with: container.MP4, container.WebM, "mjpeg"
	Duration time.Duration
	Size     int64     // bytes
	Modified time.Time // when it was written to last
	Open     bool      // it is being written, and grows; it can be read so far
}

// End is when what is in the file ends.
func (f File) End() time.Time { return f.Start.Add(f.Duration) }

// ParseName takes the name of a file apart; ok is false for those that are none of ours.
func ParseName(name string) (start time.Time, kind, format string, ok bool) {
	m := fileName.FindStringSubmatch(name)
	if m == nil {
		return time.Time{}, "", "", false
	}
	start, err := time.Parse(Stamp, m[1])
	return start, m[2], m[3], err == nil
}

// Config says where files are.
type Config struct {
	Dir  string            // of all streams
	Dirs map[string]string // of those that have another one, by their name
}

// Archive is the set of all files. It is safe for concurrent use, and keeps no file open.
type Archive struct {
	cfg Config

	mu       sync.Mutex
	writing  map[string]*Writing // guarded by mu; by path
	measured map[string]measured // guarded by mu; by path
}

// measured is how long a file was when it had this size and time.
type measured struct {
	size     int64
	modified time.Time
	duration time.Duration
}

// New makes an archive. Directories come into being with their first file.
func New(cfg Config) *Archive {
	return &Archive{cfg: cfg, writing: make(map[string]*Writing), measured: make(map[string]measured)}
}

// Dir returns the directory in which files of a stream are.
func (a *Archive) Dir(stream string) string {
	return filepath.Join(cmp.Or(a.cfg.Dirs[stream], a.cfg.Dir), stream)
}

// Streams returns the names of all streams that have files, sorted.
func (a *Archive) Streams() ([]string, error) {
	var names []string
	var faults []error
	for _, dir := range a.roots() {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			faults = append(faults, fmt.Errorf("list recordings: %w", err))
		}
		for _, e := range entries {
			if e.IsDir() && streamname.Valid(e.Name()) && filepath.Dir(a.Dir(e.Name())) == filepath.Clean(dir) && a.has(e.Name()) {
				names = append(names, e.Name())
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), errors.Join(faults...)
}

// has says whether a stream has a file.
func (a *Archive) has(stream string) bool {
	entries, _ := os.ReadDir(a.Dir(stream))
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		_, _, _, ok := ParseName(e.Name())
		return ok
	})
}

// roots are the directories below which streams have theirs.
func (a *Archive) roots() (dirs []string) {
	if a.cfg.Dir != "" {
		dirs = append(dirs, a.cfg.Dir)
	}
	for _, dir := range a.cfg.Dirs {
		dirs = append(dirs, dir)
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// Files returns all files of a stream, the oldest first. A stream without any has no error.
func (a *Archive) Files(stream string) ([]File, error) {
	if !streamname.Valid(stream) {
		return nil, ErrNotFound
	}
	entries, err := os.ReadDir(a.Dir(stream))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list recordings of %q: %w", stream, err)
	}
	files := make([]File, 0, len(entries))
	for _, e := range entries { // in the order of their names, which is that of time
		if f, err := a.File(stream, e.Name()); err == nil {
			files = append(files, f)
		}
	}
	return files, nil
}

// File returns one file of a stream, by its name. The error is ErrNotFound, or that of the disk.
func (a *Archive) File(stream, name string) (File, error) {
	start, kind, format, ok := ParseName(name)
	if !ok || !streamname.Valid(stream) {
		return File{}, ErrNotFound
	}
	f := File{Stream: stream, Name: name, Path: filepath.Join(a.Dir(stream), name), Start: start, Kind: kind, Format: format}
	info, err := os.Stat(f.Path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return File{}, ErrNotFound
	}
	if err != nil {
		return File{}, fmt.Errorf("look at a recording: %w", err)
	}
	f.Size, f.Modified = info.Size(), info.ModTime()
	f.Duration, f.Open = a.duration(f)
	return f, nil
}

// duration is how long a file is, as whoever writes it says, as was seen before, or as shows now.
func (a *Archive) duration(f File) (d time.Duration, open bool) {
	a.mu.Lock()
	w, seen := a.writing[f.Path], a.measured[f.Path]
	a.mu.Unlock()
	if w != nil {
		return w.Duration(), true
	}
	if seen.size == f.Size && seen.modified.Equal(f.Modified) {
		return seen.duration, false
	}
	file, err := os.Open(f.Path)
	if err != nil {
		return 0, false
	}
	defer func() { _ = file.Close() }() // it was read only
	if extent, err := container.Measure(file, f.Size, f.Format); err == nil {
		d = extent.Duration
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.measured[f.Path] = measured{f.Size, f.Modified, d}
	return d, false
}

// Remove deletes a file. The error is ErrOpen while it is being written, ErrNotFound, or that of the disk.
func (a *Archive) Remove(f File) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.writing[f.Path] != nil {
		return ErrOpen
	}
	delete(a.measured, f.Path)
	err := os.Remove(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("delete a recording: %w", err)
	}
	_ = os.Remove(filepath.Dir(f.Path)) // the directory too, once it is empty: it fails while it is not
	return nil
}
