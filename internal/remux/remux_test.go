package remux_test

import (
	"bytes"
	_ "embed"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pion/rtp/codecs"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
	"porthole/internal/container"
	"porthole/internal/remux"
)

// twoSeconds is H.264 of 30 pictures a second, with a keyframe each second.
//
//go:embed testdata/two-seconds.h264
var twoSeconds []byte

// kept is an Output that keeps what it gets.
type kept struct {
	files []*keptFile
}

type keptFile struct {
	remux.File
	data   []byte
	length time.Duration
	ended  bool
}

func (k *kept) Begin(f remux.File) {
	k.files = append(k.files, &keptFile{File: f, data: bytes.Clone(f.Head)})
}

func (k *kept) Part(data []byte, length time.Duration) {
	f := k.files[len(k.files)-1]
	f.data, f.length = append(f.data, data...), length
}

func (k *kept) End() { k.files[len(k.files)-1].ended = true }

// measured holds a file against its length.
func (f *keptFile) measured(t *testing.T) container.Extent {
	t.Helper()
	extent, err := container.Walk(bytes.NewReader(f.data), int64(len(f.data)), f.Format)
	if err != nil || extent.End != int64(len(f.data)) {
		t.Fatalf("%+v of %d bytes, %v", extent, len(f.data), err)
	}
	if dir := os.Getenv("REMUX_KEEP"); dir != "" { // to look at them with ffprobe
		name := filepath.Join(dir, filepath.Base(t.Name())+f.Start.Format("-05.000")+"."+f.Format)
		if err := os.WriteFile(name, f.data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return extent
}

// publisher makes packets as a Reader reads them.
type publisher struct {
	r            *remux.Remuxer
	began        time.Time
	video, audio *broadcast.Encoding
	number       [codec.Kinds]uint64
	tsV, tsA     uint32
	now          time.Duration
	drop         func(kind codec.Kind, index uint64) bool
	late         func(index uint64) bool // sent 60 ms after the others
	held         []broadcast.Packet
	lost         [codec.Kinds]uint64
}

func newPublisher(r *remux.Remuxer) *publisher {
	since := time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)
	return &publisher{
		r: r, began: since, now: time.Second, tsV: 1 << 31, tsA: 4_000_000_000,
		video: &broadcast.Encoding{Codec: codec.Codec{MimeType: codec.H264, ClockRate: 90_000}, Since: since},
		audio: &broadcast.Encoding{Codec: codec.Codec{MimeType: codec.Opus, ClockRate: 48_000, Channels: 2}, Since: since},
		drop:  func(codec.Kind, uint64) bool { return false },
		late:  func(uint64) bool { return false },
	}
}

func (p *publisher) packet(kind codec.Kind, payload []byte, timestamp uint32, marker bool) {
	e := p.video
	if kind == codec.Audio {
		e = p.audio
	}
	n := p.number[kind]
	p.number[kind]++
	out := broadcast.Packet{
		Kind: kind, Encoding: e, Payload: payload, Number: 100 + n, Timestamp: timestamp, Marker: marker, Elapsed: p.now,
		Arrived: p.began.Add(p.now), Captured: p.began.Add(p.now),
	}
	if n == 0 {
		out.Break = broadcast.BreakStart
	}
	switch {
	case p.drop(kind, n):
		p.lost[kind]++
	case kind == codec.Video && p.late(n):
		p.held = append(p.held, out)
	default:
		p.r.Push(out)
	}
}

// picturesOf splits a file into its pictures, each a list of NAL units.
func picturesOf(data []byte) (pictures [][][]byte) {
	var picture [][]byte
	for _, nal := range codec.SplitAnnexB(nil, data) {
		picture = append(picture, nal)
		if t := nal[0] & 0x1f; t == codec.NALSlice || t == codec.NALIDR {
			pictures, picture = append(pictures, picture), nil
		}
	}
	return pictures
}

// play sends the two seconds n times, with sound.
func (p *publisher) play(n int) {
	pictures := picturesOf(twoSeconds)
	sound := append([]byte{0xfc}, make([]byte, 60)...) // 20 ms
	for i := range n * len(pictures) {
		picture := pictures[i%len(pictures)]
		for j, nal := range picture {
			payloader := &codecs.H264Payloader{DisableStapA: true}
			parts := payloader.Payload(300, append([]byte{0, 0, 0, 1}, nal...))
			for k, payload := range parts {
				p.packet(codec.Video, payload, p.tsV, j == len(picture)-1 && k == len(parts)-1)
			}
		}
		p.tsV += 3000
		for ; p.tsA-4_000_000_000 < uint32((i+1)*1600); p.tsA += 960 { //nolint:gosec // small
			p.packet(codec.Audio, sound, p.tsA, true)
		}
		p.now += time.Second / 30
		if i%2 == 1 {
			for _, late := range p.held {
				late.Elapsed, late.Arrived, late.Late = p.now, p.began.Add(p.now), true
				p.r.Push(late)
			}
			p.held = nil
		}
	}
}

func near(t *testing.T, what string, got, want, within time.Duration) {
	t.Helper()
	if (got - want).Abs() > within {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestFileIsAsLongAsTheStream(t *testing.T) {
	var out kept
	r := remux.New(remux.Config{}, &out)
	newPublisher(r).play(5)
	r.Close()
	if len(out.files) != 1 || !out.files[0].ended || len(out.files[0].Tracks) != 2 {
		t.Fatalf("%d files, the first with %+v", len(out.files), out.files)
	}
	extent := out.files[0].measured(t)
	near(t, "length", extent.Duration, 10*time.Second, 50*time.Millisecond)
	near(t, "length that is told", out.files[0].length, 10*time.Second, 50*time.Millisecond)
	if got := r.Totals(); got.Pictures != 300 || got.Sounds != 500 || got.Incomplete+got.Lost != 0 {
		t.Errorf("%+v", got)
	}
	if extent.Parts < 18 {
		t.Errorf("%d parts in 10 s: more than half a second would be lost with the process", extent.Parts)
	}
}

// What is late within the bound is put in its place, what is lost stays a gap of the right length.
func TestLossesAreGaps(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for name, tt := range map[string]struct {
		drop, late bool
	}{"late": {late: true}, "lost": {drop: true}, "both": {true, true}} {
		t.Run(name, func(t *testing.T) {
			var out kept
			asked := 0
			r := remux.New(remux.Config{Keyframe: func() { asked++ }}, &out)
			p := newPublisher(r)
			if tt.late {
				p.late = func(uint64) bool { return rng.IntN(10) == 0 }
			}
			if tt.drop {
				p.drop = func(_ codec.Kind, index uint64) bool { return index > 30 && rng.IntN(100) == 0 }
			}
			p.play(5)
			r.Close()
			if len(out.files) != 1 {
				t.Fatalf("%d files", len(out.files))
			}
			near(t, "length", out.files[0].measured(t).Duration, 10*time.Second, 1050*time.Millisecond)
			got := r.Totals()
			if lost := p.lost[codec.Audio] + p.lost[codec.Video]; got.Lost != lost {
				t.Errorf("%d packets are told as lost, %d are", got.Lost, lost)
			}
			if !tt.drop && (got.Pictures != 300 || got.Incomplete > 0 || asked > 0) || tt.drop && (got.Incomplete == 0 || asked == 0) {
				t.Errorf("%+v, asked for %d keyframes", got, asked)
			}
		})
	}
}

func TestSegmentsFollowWithoutAGap(t *testing.T) {
	var out kept
	r := remux.New(remux.Config{Segment: 3 * time.Second}, &out)
	newPublisher(r).play(6)
	r.Close()
	if len(out.files) != 4 {
		t.Fatalf("%d files of 12 s", len(out.files))
	}
	for i, f := range out.files {
		near(t, "length", f.measured(t).Duration, 3*time.Second, 50*time.Millisecond)
		if i > 0 {
			before := out.files[i-1]
			near(t, "gap between files", f.Start.Sub(before.Start.Add(before.length)), 0, 50*time.Millisecond)
		}
	}
	if got := r.Totals(); got.Pictures != 360 || got.Sounds < 596 {
		t.Errorf("%+v", got)
	}
}

func TestAnotherPublisherIsAnotherFile(t *testing.T) {
	var out kept
	r := remux.New(remux.Config{}, &out)
	p := newPublisher(r)
	p.play(1)
	next := newPublisher(r)
	next.now = p.now + 5*time.Second
	next.video = &broadcast.Encoding{Codec: p.video.Codec, Since: p.began.Add(time.Minute)}
	next.audio = &broadcast.Encoding{Codec: p.audio.Codec, Since: p.began.Add(time.Minute)}
	next.play(1)
	r.Close()
	if len(out.files) != 2 {
		t.Fatalf("%d files", len(out.files))
	}
	for _, f := range out.files {
		near(t, "length", f.measured(t).Duration, 2*time.Second, 50*time.Millisecond)
	}
	near(t, "begin of the second", out.files[1].Start.Sub(out.files[0].Start), 7*time.Second, 50*time.Millisecond)
}
