package container

import (
	"bytes"
	"fmt"
	"math"
	"slices"

	"github.com/at-wat/ebml-go"
	"github.com/at-wat/ebml-go/webm"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"

	"porthole/internal/codec"
)

const vp8Codec = codec.VP8

// webmMuxer writes WebM by ebml-go: a Segment of unknown size, and a Cluster for each part.
type webmMuxer struct {
	tracks []Track
	buffer bytes.Buffer
	blocks []block
}

// block is a sample on its way into a Cluster, in which tracks take turns in the order of time.
type block struct {
	millis int64
	track  int
	sample Sample
}

func (*webmMuxer) Format() string { return WebM }

// webmHead is what a file begins with. The Segment ends where the file does.
type webmHead struct {
	Header  webm.EBMLHeader `ebml:"EBML"`
	Segment struct {
		Info   webm.Info   `ebml:"Info"`
		Tracks webm.Tracks `ebml:"Tracks"`
	} `ebml:"Segment,size=unknown"`
}

func (m *webmMuxer) Head() ([]byte, error) {
	head := webmHead{Header: webm.EBMLHeader{
		EBMLVersion: 1, EBMLReadVersion: 1, EBMLMaxIDLength: 4, EBMLMaxSizeLength: 8,
		DocType: "webm", DocTypeVersion: 4, DocTypeReadVersion: 2,
	}}
	// The duration has its place from the beginning; a number that is nothing is not left out, and overwritten by Finish.
	head.Segment.Info = webm.Info{TimecodeScale: 1_000_000, MuxingApp: "Porthole", WritingApp: "Porthole", Duration: math.SmallestNonzeroFloat64}
	for i, t := range m.tracks {
		entry, err := t.webmEntry(uint64(i + 1)) //nolint:gosec // two at most
		if err != nil {
			return nil, err
		}
		head.Segment.Tracks.TrackEntry = append(head.Segment.Tracks.TrackEntry, entry)
	}
	m.buffer.Reset()
	if err := ebml.Marshal(&head, &m.buffer); err != nil {
		return nil, fmt.Errorf("write the head of a WebM file: %w", err)
	}
	return m.buffer.Bytes(), nil
}

// webmEntry describes the track.
func (t Track) webmEntry(number uint64) (webm.TrackEntry, error) {
	entry := webm.TrackEntry{TrackNumber: number, TrackUID: number}
	switch t.Codec {
	case codec.VP8:
		entry.CodecID, entry.TrackType = "V_VP8", 1
		entry.Video = &webm.Video{PixelWidth: uint64(t.Width), PixelHeight: uint64(t.Height)} //nolint:gosec // 14 bits each
	case codec.Opus:
		private, err := opus.IDHeader{Version: 1, ChannelCount: uint8(max(t.Channels, 1)), InputSampleRate: t.Scale}.Marshal() //nolint:gosec // 2 at most
		if err != nil {
			return entry, fmt.Errorf("describe Opus: %w", err)
		}
		entry.CodecID, entry.TrackType, entry.CodecPrivate = "A_OPUS", 2, private
		// As RFC 9559 section 11.6.5 wants, in nanoseconds.
		entry.SeekPreRoll = 80_000_000
		entry.Audio = &webm.Audio{SamplingFrequency: float64(t.Scale), Channels: uint64(max(t.Channels, 1))} //nolint:gosec // likewise
	default:
		return entry, fmt.Errorf("%s is not kept in WebM files", t.Codec)
	}
	return entry, nil
}

func (m *webmMuxer) Part(tracks [][]Sample) ([]byte, error) {
	m.blocks = m.blocks[:0]
	for i, samples := range tracks {
		for _, s := range samples {
			shown := s.At + int64(s.Shown)
			m.blocks = append(m.blocks, block{millis: shown * 1000 / int64(m.tracks[i].Scale), track: i, sample: s})
		}
	}
	slices.SortStableFunc(m.blocks, func(a, b block) int { return int(a.millis - b.millis) })
	m.buffer.Reset()
	for rest := m.blocks; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].millis-rest[0].millis <= math.MaxInt16 { // 16 bits are what a block has for its time
			n++
		}
		if err := m.cluster(rest[:n]); err != nil {
			return nil, err
		}
		rest = rest[n:]
	}
	return m.buffer.Bytes(), nil
}

func (m *webmMuxer) cluster(blocks []block) error {
	out := struct {
		Cluster webm.Cluster `ebml:"Cluster"`
	}{webm.Cluster{Timecode: uint64(max(blocks[0].millis, 0))}} //nolint:gosec // not negative
	for _, b := range blocks {
		out.Cluster.SimpleBlock = append(out.Cluster.SimpleBlock, ebml.Block{
			TrackNumber: uint64(b.track + 1), //nolint:gosec // two at most
			Timecode:    int16(b.millis - blocks[0].millis), Keyframe: b.sample.Key, Data: [][]byte{b.sample.Data},
		})
	}
	if err := ebml.Marshal(&out, &m.buffer); err != nil {
		return fmt.Errorf("write a part of a WebM file: %w", err)
	}
	return nil
}
