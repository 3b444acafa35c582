package archive_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"porthole/internal/archive"
	"porthole/internal/codec"
	"porthole/internal/container"
)

var begin = time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)

// write makes a file of a length in seconds, and leaves it as a process does that is killed.
func write(t *testing.T, a *archive.Archive, stream string, start time.Time, seconds int) *archive.Writing {
	t.Helper()
	w, err := a.Create(stream, start, archive.Recording, container.MP4)
	if err != nil {
		t.Fatal(err)
	}
	m := container.NewMuxer([]container.Track{{Codec: codec.Opus, Scale: 48_000, Channels: 2}})
	head, err := m.Head()
	if err != nil {
		t.Fatal(err)
	}
	put(t, w, head)
	for i := range seconds {
		part, err := m.Part([][]container.Sample{{{At: int64(i) * 48_000, Duration: 48_000, Key: true, Data: make([]byte, 1000)}}})
		if err != nil {
			t.Fatal(err)
		}
		put(t, w, part)
		w.Grow(time.Duration(i+1) * time.Second)
	}
	return w
}

func put(t *testing.T, w *archive.Writing, b []byte) {
	t.Helper()
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
}

// finished makes a file that was finished.
func finished(t *testing.T, a *archive.Archive, stream string, start time.Time, seconds int) {
	t.Helper()
	w := write(t, a, stream, start, seconds)
	if err := container.Finish(w, container.MP4, time.Duration(seconds)*time.Second); err != nil {
		t.Fatal(err)
	}
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, a *archive.Archive, stream string) []archive.File {
	t.Helper()
	files, err := a.Files(stream)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestFilesAreListed(t *testing.T) {
	other := t.TempDir()
	a := archive.New(archive.Config{Dir: t.TempDir(), Dirs: map[string]string{"door": other}})
	if files := list(t, a, "cam"); len(files) != 0 {
		t.Errorf("before anything is recorded: %+v", files)
	}
	finished(t, a, "cam", begin.Add(time.Minute), 3)
	finished(t, a, "cam", begin, 2)
	finished(t, a, "cam", begin, 1) // the same millisecond
	finished(t, a, "door", begin, 1)
	now := write(t, a, "cam", begin.Add(time.Hour), 5)
	for _, stray := range []string{"notes.txt", "2026-11-26T10-00-00.000Z.mp4.part", "2026-99-26T10-00-00.000Z.mp4"} {
		if err := os.WriteFile(filepath.Join(a.Dir("cam"), stray), []byte("stray"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files := list(t, a, "cam")
	if len(files) != 4 {
		t.Fatalf("%+v", files)
	}
	for i, want := range []struct {
		name     string
		duration time.Duration
	}{
		{"2026-11-26T10-00-00.000Z.mp4", 2 * time.Second},
		{"2026-11-26T10-00-00.001Z.mp4", time.Second},
		{"2026-11-26T10-01-00.000Z.mp4", 3 * time.Second},
		{"2026-11-26T11-00-00.000Z.mp4", 5 * time.Second},
	} {
		if f := files[i]; f.Name != want.name || f.Duration != want.duration || f.Open != (i == 3) || f.Stream != "cam" || f.Size < 1000 {
			t.Errorf("%+v; want %+v", f, want)
		}
	}
	if streams, err := a.Streams(); err != nil || len(streams) != 2 || streams[0] != "cam" || streams[1] != "door" {
		t.Errorf("streams %v, %v", streams, err)
	}
	if filepath.Dir(a.Dir("door")) != other {
		t.Errorf("the files of a stream with a directory of its own are in %s", a.Dir("door"))
	}
	if err := a.Remove(files[3]); !errors.Is(err, archive.ErrOpen) {
		t.Errorf("a file that is being written was removed: %v", err)
	}
	if err := now.Finish(); err != nil {
		t.Fatal(err)
	}
	if f, err := a.File("cam", files[3].Name); err != nil || f.Open || f.Duration != 5*time.Second {
		t.Errorf("once it is closed: %+v, %v", f, err)
	}
	for _, name := range []string{"../door/2026-11-26T10-00-00.000Z.mp4", "notes.txt", "2026-11-26T10-00-07.000Z.mp4"} {
		if _, err := a.File("cam", name); !errors.Is(err, archive.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := a.File("../cam", files[0].Name); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("another directory: %v", err)
	}
}

func TestOldFilesAreDeleted(t *testing.T) {
	for name, tt := range map[string]struct {
		keep archive.Retention
		left int
	}{
		"everything is kept": {archive.Retention{}, 5},
		"by age":             {archive.Retention{Age: 150 * time.Minute}, 3},
		"by size":            {archive.Retention{Bytes: 6000}, 2},
		"by room":            {archive.Retention{Free: 1 << 62}, 1}, // as much as there is
	} {
		t.Run(name, func(t *testing.T) {
			a := archive.New(archive.Config{Dir: t.TempDir()})
			for i := range 4 {
				finished(t, a, []string{"cam", "door"}[i%2], begin.Add(time.Duration(i)*time.Hour), 1)
			}
			w := write(t, a, "cam", begin.Add(4*time.Hour), 2)
			defer func() { _ = w.Finish() }()
			removed, err := a.Sweep(begin.Add(4*time.Hour), tt.keep)
			if err != nil {
				t.Fatal(err)
			}
			left := append(list(t, a, "cam"), list(t, a, "door")...)
			if len(left) != tt.left || len(removed) != 5-tt.left {
				t.Errorf("%d files are left, and %d told as removed; want %d left: %+v", len(left), len(removed), tt.left, left)
			}
			for i, f := range removed {
				if !f.Start.Equal(begin.Add(time.Duration(i) * time.Hour)) {
					t.Errorf("removed %s as number %d: the oldest go first", f.Name, i)
				}
			}
			if open := left[len(list(t, a, "cam"))-1]; !open.Open {
				t.Errorf("the file that is being written is gone: %+v", left)
			}
		})
	}
}

func TestTornTailsAreCut(t *testing.T) {
	dir := t.TempDir()
	killed := archive.New(archive.Config{Dir: dir})
	finished(t, killed, "cam", begin, 2)
	torn := write(t, killed, "cam", begin.Add(time.Minute), 3)
	put(t, torn, []byte{0, 0, 1, 0, 'm', 'o', 'o', 'f', 1, 2, 3})
	whole := write(t, killed, "cam", begin.Add(2*time.Minute), 4)
	empty := write(t, killed, "cam", begin.Add(3*time.Minute), 0)
	for _, w := range []*archive.Writing{torn, whole, empty} {
		if err := w.Close(); err != nil { // as the end of a process does
			t.Fatal(err)
		}
	}

	a := archive.New(archive.Config{Dir: dir})
	repaired, err := a.Repair()
	if err != nil || len(repaired) != 3 {
		t.Fatalf("repaired %+v, %v", repaired, err)
	}
	files := list(t, a, "cam")
	if len(files) != 3 {
		t.Fatalf("%+v", files)
	}
	for i, want := range []time.Duration{2 * time.Second, 3 * time.Second, 4 * time.Second} {
		if files[i].Duration != want {
			t.Errorf("%s: %v, want %v", files[i].Name, files[i].Duration, want)
		}
	}
	if repaired[0].Duration != 3*time.Second || repaired[0].Size != files[1].Size {
		t.Errorf("told %+v, is %+v", repaired[0], files[1])
	}
	if again, err := a.Repair(); err != nil || len(again) != 0 {
		t.Errorf("repaired again: %+v, %v", again, err)
	}
}
