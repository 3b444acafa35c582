package container

// Track is what a head says of one track. Two that are equal can share a file.
type Track struct {
	Codec string // as package codec spells it
	Scale uint32 // ticks a second, of which times of samples are counted
	// Sets are what a decoder has to know first: SPS and PPS of H.264; VPS, SPS and PPS of H.265; the sequence
	// header of AV1.
	Sets          string
	Width, Height int // of VP8 and VP9; those of the others are in Sets
	// Of VP9: its profile, bits of a sample, how chroma is sampled, as vpcC says it, and whether the range is full.
	Profile, BitDepth, Subsampling uint8
	FullRange                      bool
	Channels                       int // of Opus
}

// Sample is a picture, or some milliseconds of sound.
type Sample struct {
	At       int64  // when it is decoded, in ticks since the begin of the file
	Duration uint32 // in ticks, until the next one of its track
	Shown    int32  // in ticks, from its decoding until it is shown
	Key      bool   // it stands alone
	Data     []byte // NAL units with their lengths, OBUs with theirs, a frame of VP8 or VP9, a packet of Opus
}

// Muxer writes one file, piece by piece. It is for one goroutine.
type Muxer interface {
	// Format is what names of files end with.
	Format() string
	// Head returns what a file begins with.
	Head() ([]byte, error)
	// Part returns a part with samples of each track, in the order of their times; each part is whole, and comes after
	// those before it. What it returns is valid until the next call.
	Part(tracks [][]Sample) ([]byte, error)
}

// NewMuxer makes a muxer for tracks: WebM when one is VP8, else MP4.
func NewMuxer(tracks []Track) Muxer {
	for _, t := range tracks {
		if t.Codec == vp8Codec {
			return &webmMuxer{tracks: tracks}
		}
	}
	return &mp4Muxer{tracks: tracks}
}
