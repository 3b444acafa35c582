package container_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"porthole/internal/codec"
	"porthole/internal/container"
)

// memory is a file.
type memory struct{ data []byte }

func (m *memory) ReadAt(p []byte, at int64) (int, error) {
	return bytes.NewReader(m.data).ReadAt(p, at) //nolint:wrapcheck // a file
}

func (m *memory) WriteAt(p []byte, at int64) (int, error) {
	if at < 0 || at+int64(len(p)) > int64(len(m.data)) {
		return 0, io.ErrShortWrite
	}
	return copy(m.data[at:], p), nil
}

var opus = container.Track{Codec: codec.Opus, Scale: 48_000, Channels: 2}

// written makes a file of n parts of half a second: 15 pictures, 25 pieces of sound. ends is where the head and
// each part end.
func written(t *testing.T, video container.Track, n int) (file *memory, format string, ends []int64) {
	t.Helper()
	m := container.NewMuxer([]container.Track{video, opus})
	head, err := m.Head()
	if err != nil {
		t.Fatal(err)
	}
	file = &memory{data: bytes.Clone(head)}
	ends = append(ends, int64(len(file.data)))
	for p := range int64(n) {
		var pictures, sounds []container.Sample
		for i := range int64(15) {
			pictures = append(pictures, container.Sample{At: (p*15 + i) * 3000, Duration: 3000, Key: i == 0, Data: make([]byte, 100+i)})
		}
		for i := range int64(25) {
			sounds = append(sounds, container.Sample{At: (p*25 + i) * 960, Duration: 960, Key: true, Data: make([]byte, 80)})
		}
		part, err := m.Part([][]container.Sample{pictures, sounds})
		if err != nil {
			t.Fatal(err)
		}
		file.data = append(file.data, part...)
		ends = append(ends, int64(len(file.data)))
	}
	return file, m.Format(), ends
}

// formats are a file of each.
var formats = map[string]container.Track{
	container.WebM: {Codec: codec.VP8, Scale: 90_000, Width: 640, Height: 360},
	container.MP4:  {Codec: codec.VP9, Scale: 90_000, Width: 640, Height: 360, BitDepth: 8, Subsampling: 1},
}

// Wherever a file is cut, what is whole of it is found, and its length.
func TestTornFilesAreMeasured(t *testing.T) {
	for want, video := range formats {
		file, format, ends := written(t, video, 4)
		if format != want {
			t.Fatalf("%s is kept as %s, want %s", video.Codec, format, want)
		}
		for size := int64(0); size <= ends[4]; size++ {
			whole := -1
			for _, end := range ends {
				if end <= size {
					whole++
				}
			}
			extent, err := container.Measure(&memory{file.data[:size]}, size, format)
			if whole < 0 {
				if !errors.Is(err, container.ErrNoHead) {
					t.Fatalf("%s of %d bytes: %+v, %v", format, size, extent, err)
				}
				continue
			}
			wantFor := time.Duration(whole) * time.Second / 2
			if err != nil || extent.Parts != whole || extent.End != ends[whole] || (extent.Duration-wantFor).Abs() > 15*time.Millisecond || extent.Told {
				t.Fatalf("%s of %d bytes: %+v, %v; want %d parts to %d, %v", format, size, extent, err, whole, ends[whole], wantFor)
			}
		}
	}
}

func TestFinishedFilesSayHowLongTheyAre(t *testing.T) {
	for _, video := range formats {
		file, format, _ := written(t, video, 3)
		if err := container.Finish(file, format, 1234*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		extent, err := container.Measure(file, int64(len(file.data)), format)
		if err != nil || !extent.Told || extent.Duration != 1234*time.Millisecond {
			t.Errorf("%s: %+v, %v", format, extent, err)
		}
		extent, err = container.Walk(file, int64(len(file.data)), format)
		if err != nil || extent.Told || extent.Parts != 3 {
			t.Errorf("%s, part by part: %+v, %v", format, extent, err)
		}
	}
}

// Bytes that were never written by us may be in a directory of recordings.
func TestAnyBytesAreMeasured(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, video := range formats {
		file, format, _ := written(t, video, 3)
		for range 5000 {
			data := bytes.Clone(file.data)
			for range 1 + rng.IntN(8) {
				data[rng.IntN(len(data))] = byte(rng.Uint32())
			}
			extent, err := container.Walk(&memory{data}, int64(len(data)), format)
			if err == nil && (extent.End > int64(len(data)) || extent.Duration < 0) {
				t.Fatalf("%+v of %d bytes", extent, len(data))
			}
			_ = container.Finish(&memory{data}, format, time.Second) // it may have no place
		}
	}
	if _, err := container.Measure(&memory{}, 0, "avi"); err == nil {
		t.Error("a format that is not known is measured")
	}
}
