package remux

import (
	"bytes"
	"slices"
	"time"

	"porthole/internal/codec"
	"porthole/internal/container"
)

// nominal is how long a picture is taken to last after which none has come.
const nominal = int64(33 * time.Millisecond)

// segmentSlack is how much earlier a keyframe may come that a new file begins with: clocks differ.
const segmentSlack = 50 * time.Millisecond

// file is the one that is being written.
type file struct {
	muxer  container.Muxer
	start  int64 // on the Reader's clock
	tracks [codec.Kinds]*written
	length time.Duration
}

// written is what is in the file of one track.
type written struct {
	index int
	track container.Track
	end   int64 // in ticks: the next sample does not come before it
	step  int64 // in nanoseconds, between the last two pictures
}

// flush makes a part of what is there; all of it when there is nothing to wait for.
func (r *Remuxer) flush(final bool) {
	r.lastPart = r.now
	video := &r.tracks[codec.Video]
	for {
		if r.file == nil && !r.begin(final) {
			return
		}
		cut := r.cutAt(video.queue)
		switch {
		case cut < 0 && r.file.tracks[codec.Video] == nil && r.outgrown(codec.Audio):
			r.endFile()
		case cut < 0:
			r.part(len(video.queue), 0, final)
			return
		case !final && r.now-video.queue[cut].arrived < int64(cutSlack):
			r.part(cut, video.queue[cut].at, false)
			return
		default:
			r.part(cut, video.queue[cut].at, true)
			r.endFile()
		}
	}
}

// begin begins a file, if there is something for it, and nothing to wait for.
func (r *Remuxer) begin(final bool) bool {
	video, audio := r.tracks[codec.Video].queue, r.tracks[codec.Audio].queue
	if len(video) == 0 && (len(audio) == 0 || r.tracks[codec.Video].encoding != nil && r.tracks[codec.Video].pictures != nil && !final) {
		if n := len(audio) - maxQueued/2; n > 0 { // a picture is expected, and does not come
			r.tracks[codec.Audio].queue = slices.Delete(audio, 0, n)
		}
		return false
	}
	if (len(video) == 0 || len(audio) == 0) && !final && r.now-r.first < int64(settle) {
		return false
	}
	f := &file{}
	var tracks []container.Track
	for _, kind := range []codec.Kind{codec.Video, codec.Audio} {
		q := r.tracks[kind].queue
		if len(q) == 0 {
			continue
		}
		f.tracks[kind] = &written{index: len(tracks), track: q[0].track}
		tracks = append(tracks, q[0].track)
	}
	f.start = append(video, audio...)[0].at
	if len(video) > 0 { // sound from before the picture is not seen, and would begin without it
		r.tracks[codec.Audio].queue = slices.DeleteFunc(audio, func(s sample) bool { return s.at < f.start })
	}
	f.muxer = container.NewMuxer(tracks)
	head, err := f.muxer.Head()
	if err != nil {
		r.unplayable = err
		r.tracks[codec.Video].queue, r.tracks[codec.Video].wantKey = nil, true
		return false
	}
	r.file = f
	r.out.Begin(File{Format: f.muxer.Format(), Start: r.wall.Add(time.Duration(f.start - r.now)), Tracks: tracks, Head: bytes.Clone(head)})
	return true
}

// cutAt returns the first keyframe with which a new file has to begin, -1: none.
func (r *Remuxer) cutAt(queue []sample) int {
	f := r.file
	for i, s := range queue {
		if !s.key || s.at == f.start {
			continue
		}
		due := r.cfg.Segment > 0 && s.at-f.start >= int64(r.cfg.Segment-segmentSlack)
		if due || f.tracks[codec.Video] == nil || !sameTrack(f.tracks[codec.Video].track, s.track) || r.outgrown(codec.Audio) {
			return i
		}
	}
	if last := len(queue) - 1; last >= 0 && r.cfg.Segment > 0 && queue[last].at-f.start >= int64(r.cfg.Segment) && r.now-r.asked > int64(time.Second) {
		r.asked = r.now
		r.cfg.Keyframe()
	}
	return -1
}

// sameTrack says whether a picture can follow in the same file. Of H.264 that is so when the profile, the level and the size are the
// same: the parameter sets are in the file, and some encoders give them other numbers with each keyframe.
func sameTrack(a, b container.Track) bool {
	if a.Codec == codec.H264 && b.Codec == codec.H264 && a.Width > 0 && profile(a) == profile(b) {
		a.Sets, b.Sets = "", ""
	}
	return a == b
}

// profile is what an SPS says after its header: profile, constraints and level.
func profile(t container.Track) string {
	if len(t.Sets) < 6 {
		return ""
	}
	return t.Sets[3:6]
}

// outgrown says whether there are samples of a track that the file has not, or has another one of.
func (r *Remuxer) outgrown(kind codec.Kind) bool {
	q := r.tracks[kind].queue
	w := r.file.tracks[kind]
	due := r.cfg.Segment > 0 && len(q) > 0 && r.file.tracks[codec.Video] == nil && q[0].at-r.file.start >= int64(r.cfg.Segment)
	return len(q) > 0 && (w == nil || w.track != q[0].track || due)
}

// part writes the first n pictures, and sound up to a time (0: all). The last of each waits for the next one, which
// says how long it lasts, unless the file ends, or it waits too long.
func (r *Remuxer) part(n int, until int64, last bool) {
	tracks := make([][]container.Sample, 0, codec.Kinds)
	any := false
	for _, kind := range []codec.Kind{codec.Video, codec.Audio} {
		w, t := r.file.tracks[kind], &r.tracks[kind]
		if w == nil {
			continue
		}
		m := n
		if kind == codec.Audio {
			m = len(t.queue)
			if until != 0 {
				m, _ = slices.BinarySearchFunc(t.queue, until, func(s sample, at int64) int { return int(min(max(s.at-at, -1), 1)) })
			}
		}
		waits := !last && m > 0 && m == len(t.queue) && r.now-t.queue[m-1].arrived < int64(r.cfg.Part)
		if waits {
			m--
		}
		samples := r.file.samples(w, t.queue, m)
		any = any || m > 0
		tracks = append(tracks, samples)
		t.queue = slices.Delete(t.queue, 0, m)
		if kind == codec.Video {
			r.totals.Pictures += uint64(m) //nolint:gosec // not negative
		} else {
			r.totals.Sounds += uint64(m) //nolint:gosec // likewise
		}
	}
	if !any {
		return
	}
	data, err := r.file.muxer.Part(tracks)
	if err != nil {
		r.unplayable = err
		return
	}
	r.out.Part(bytes.Clone(data), r.file.length)
}

// samples makes the first m of a queue samples of the file. They are decoded in the order in which they came, and shown
// in that of their times.
func (f *file) samples(w *written, queue []sample, m int) []container.Sample {
	scale := int64(w.track.Scale)
	tick := func(at int64) int64 { return (at - f.start) / 1000 * scale / 1_000_000 }
	decoded := make([]int64, m)
	for i := range decoded {
		decoded[i] = tick(queue[i].at)
	}
	slices.Sort(decoded)
	out := make([]container.Sample, m)
	for i := range out {
		s := queue[i]
		at := max(decoded[i], w.end)
		length := s.length
		switch {
		case i+1 < m:
			length = max((max(decoded[i+1], at+1)-at)*1_000_000/scale*1000, 1000)
		case m < len(queue):
			length = max(queue[m].at-s.at, 1_000_000)
		case length == 0 && w.step > 0:
			length = w.step
		case length == 0:
			length = nominal
		}
		next := at + max(length/1000*scale/1_000_000, 1)
		if i+1 < m {
			next = max(decoded[i+1], at+1)
		}
		out[i] = container.Sample{At: at, Duration: uint32(next - at), Shown: int32(tick(s.at) - at), Key: s.key, Data: s.data} //nolint:gosec // bounded by what waits
		if w.track.Codec == codec.Opus {
			out[i].Shown = 0
		}
		w.end, w.step = at+1, min(length, int64(time.Second))
		f.length = max(f.length, time.Duration(next)*time.Second/time.Duration(scale))
	}
	return out
}

func (r *Remuxer) endFile() {
	if r.file != nil {
		r.out.End()
		r.file = nil
	}
}
