package container

import (
	"errors"
	"fmt"
	"strings"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"

	"porthole/internal/codec"
)

// mp4Muxer writes fragmented MP4, by mediacommon. Tracks are numbered from 1 on.
type mp4Muxer struct {
	tracks []Track
	buffer seekablebuffer.Buffer
	number uint32
	// What parts are put together from, kept for the next one.
	samples []fmp4.Sample
}

func (*mp4Muxer) Format() string { return MP4 }

func (m *mp4Muxer) Head() ([]byte, error) {
	var head fmp4.Init
	for i, t := range m.tracks {
		c, err := t.mp4Codec()
		if err != nil {
			return nil, err
		}
		head.Tracks = append(head.Tracks, &fmp4.InitTrack{ID: i + 1, TimeScale: t.Scale, Codec: c})
	}
	m.buffer.Reset()
	if err := head.Marshal(&m.buffer); err != nil {
		return nil, fmt.Errorf("write the head of an MP4 file: %w", err)
	}
	return m.buffer.Bytes(), nil
}

func (m *mp4Muxer) Part(tracks [][]Sample) ([]byte, error) {
	m.number++
	n := 0
	for _, samples := range tracks {
		n += len(samples)
	}
	if cap(m.samples) < n {
		m.samples = make([]fmp4.Sample, n)
	}
	left := m.samples[:n]
	part := fmp4.Part{SequenceNumber: m.number}
	for i, samples := range tracks {
		if len(samples) == 0 {
			continue
		}
		track := &fmp4.PartTrack{ID: i + 1, BaseTime: uint64(max(samples[0].At, 0)), Samples: make([]*fmp4.Sample, len(samples))} //nolint:gosec // not negative
		for j, s := range samples {
			left[j] = fmp4.Sample{Duration: s.Duration, PTSOffset: s.Shown, IsNonSyncSample: !s.Key, Payload: s.Data}
			track.Samples[j] = &left[j]
		}
		left = left[len(samples):]
		part.Tracks = append(part.Tracks, track)
	}
	m.buffer.Reset()
	if err := part.Marshal(&m.buffer); err != nil {
		return nil, fmt.Errorf("write a part of an MP4 file: %w", err)
	}
	return m.buffer.Bytes(), nil
}

// errNoSets means that a track was not described.
var errNoSets = errors.New("a track lacks its parameter sets")

// mp4Codec describes the track as mediacommon does.
func (t Track) mp4Codec() (codecs.Codec, error) {
	sets := t.sets()
	switch {
	case t.Codec == codec.H264 && len(sets) == 2:
		return &codecs.H264{SPS: sets[0], PPS: sets[1]}, nil
	case t.Codec == codec.H265 && len(sets) == 3:
		return &codecs.H265{VPS: sets[0], SPS: sets[1], PPS: sets[2]}, nil
	case t.Codec == codec.AV1 && len(sets) == 1:
		return &codecs.AV1{SequenceHeader: sets[0]}, nil
	case t.Codec == codec.VP9 && t.Width > 0:
		return &codecs.VP9{
			Width: t.Width, Height: t.Height, Profile: t.Profile, BitDepth: t.BitDepth, ChromaSubsampling: t.Subsampling, ColorRange: t.FullRange,
		}, nil
	case t.Codec == codec.Opus:
		return &codecs.Opus{ChannelCount: max(t.Channels, 1)}, nil
	case t.Codec == codec.H264 || t.Codec == codec.H265 || t.Codec == codec.AV1 || t.Codec == codec.VP9:
		return nil, errNoSets
	}
	return nil, fmt.Errorf("%s is not kept in MP4 files", t.Codec)
}

// sets takes Sets apart: each has its length in two bytes.
func (t Track) sets() (sets [][]byte) {
	for rest := t.Sets; len(rest) >= 2; {
		n := int(rest[0])<<8 | int(rest[1])
		if n > len(rest)-2 {
			return nil
		}
		sets = append(sets, []byte(rest[2:2+n]))
		rest = rest[2+n:]
	}
	return sets
}

// JoinSets puts parameter sets together as Track.Sets has them.
func JoinSets(sets ...[]byte) string {
	var b strings.Builder
	for _, set := range sets {
		b.Write([]byte{byte(len(set) >> 8), byte(len(set))})
		b.Write(set)
	}
	return b.String()
}
