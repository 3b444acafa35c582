package negotiate_test

import (
	"errors"
	"strings"
	"testing"

	"porthole/internal/codec"
	"porthole/internal/negotiate"
)

func video(mime, fmtp string) codec.Codec {
	return codec.Codec{MimeType: mime, ClockRate: 90000, Fmtp: fmtp}
}

func h264(profileLevelID, mode string) codec.Codec {
	return video("video/H264", "level-asymmetry-allowed=1;packetization-mode="+mode+";profile-level-id="+profileLevelID)
}

// offering makes a video section; its payload types count from 0.
func offering(codecs ...codec.Codec) negotiate.Media {
	media := negotiate.Media{Mid: "1", Kind: "video"}
	for i, c := range codecs {
		media.Codecs = append(media.Codecs, negotiate.Format{Codec: c, PayloadType: uint8(i)})
	}

	return media
}

func TestMatch(t *testing.T) {
	const none = -1
	vp8, vp9, av1 := video("video/VP8", ""), video("video/VP9", ""), video("video/AV1", "")
	tests := []struct {
		name    string
		stream  codec.Codec
		offered negotiate.Media
		want    int // payload type
	}{
		{"same codec, not the first", h264("42e01f", "1"), offering(vp8, vp9, h264("42e01f", "1")), 2},
		{"another codec", vp8, offering(h264("42e01f", "1")), none},
		{"another clock rate", video("video/VP8", ""), offering(codec.Codec{MimeType: "video/VP8", ClockRate: 8000}), none},
		{"name in another case", video("video/h264", "packetization-mode=1;profile-level-id=42e01f"), offering(h264("42e01f", "1")), 0},

		{"exact profile before the first that would do", h264("42e01f", "1"), offering(h264("64001f", "1"), h264("42e01f", "1")), 1},
		{"c0 and e0 are the same profile", h264("42c01f", "1"), offering(h264("42e01f", "1")), 0},
		{"Constrained Baseline written as Main", h264("4d801f", "1"), offering(h264("42e01f", "1")), 0},
		{"the level does not matter", h264("42c033", "1"), offering(h264("42e01f", "1")), 0},
		{"capital digits", h264("42C01F", "1"), offering(h264("42e01f", "1")), 0},
		{"FFmpeg's seven digits", h264("422001f", "1"), offering(h264("42e01f", "1")), 0},
		{"Constrained Baseline to a Baseline decoder", h264("42e01f", "1"), offering(h264("42001f", "1")), 0},
		{"Constrained Baseline to a Main decoder", h264("42e01f", "1"), offering(h264("4d001f", "1")), 0},
		{"Constrained Baseline to a High decoder", h264("42e01f", "1"), offering(h264("640c1f", "1")), 0},
		{"Main to a High decoder", h264("4d401f", "1"), offering(h264("64001f", "1")), 0},
		{"Main prefers a Main decoder", h264("4d401f", "1"), offering(h264("64001f", "1"), h264("4d001f", "1")), 1},
		{"High to a Constrained Baseline decoder is a black picture", h264("64001f", "1"), offering(h264("42e01f", "1")), none},
		{"High to a Main decoder", h264("64001f", "1"), offering(h264("4d001f", "1")), none},
		{"High to a Constrained High decoder", h264("64001f", "1"), offering(h264("640c1f", "1")), none},
		{"Main to a Baseline decoder", h264("4d401f", "1"), offering(h264("42001f", "1"), h264("42e01f", "1")), none},
		{"Baseline to a Constrained Baseline decoder", h264("42001f", "1"), offering(h264("42e01f", "1")), none},
		{"a profile nobody knows matches itself", h264("2c101f", "1"), offering(h264("42e01f", "1"), h264("2c1028", "1")), 1},
		{"two profiles nobody knows", h264("2c101f", "1"), offering(h264("76001f", "1")), none},
		{"unreadable profile", h264("zz", "1"), offering(h264("42e01f", "1")), none},
		{"unreadable profile on offer", h264("42e01f", "1"), offering(h264("zz", "1"), h264("42e01f", "1")), 1},

		{"mode 1 to a mode 0 decoder", h264("42e01f", "1"), offering(h264("42e01f", "0")), none},
		{"mode 0 to a mode 1 decoder", h264("42e01f", "0"), offering(h264("42e01f", "1")), 0},
		{"mode 0 prefers a mode 0 decoder", h264("42e01f", "0"), offering(h264("42e01f", "1"), h264("42e01f", "0")), 1},
		{"the profile counts more than the mode", h264("42e01f", "0"), offering(h264("4d001f", "0"), h264("42e01f", "1")), 1},
		{"nothing said is a last resort", h264("42e01f", "1"), offering(vp8, video("video/H264", "")), 1},
		{"and comes after all that fit", h264("42e01f", "1"), offering(video("video/H264", ""), h264("f4001f", "1")), 1},
		{"nothing said, and a High stream", h264("640028", "1"), offering(video("video/H264", "level-asymmetry-allowed=1")), 0},
		{"nothing said does not mean ten bits", h264("6e0028", "1"), offering(video("video/H264", "")), none},
		{"nothing said does not mean a profile nobody knows", h264("2c101f", "1"), offering(video("video/H264", "")), none},
		{"nothing said on both sides", video("video/H264", ""), offering(video("video/H264", "")), 0},
		{"a profile without a mode", h264("42e01f", "1"), offering(video("video/H264", "profile-level-id=42e01f")), 0},
		{"a profile without a mode comes after one with it", h264("42e01f", "1"), offering(video("video/H264", "profile-level-id=42e01f"), h264("64001f", "1")), 1},
		{"a profile without a mode is that profile all the same", h264("64001f", "1"), offering(video("video/H264", "profile-level-id=42e01f")), none},
		{"a mode without a profile", h264("42e01f", "1"), offering(video("video/H264", "packetization-mode=1")), 0},
		{"a mode without a profile, and a High stream", h264("64001f", "1"), offering(video("video/H264", "packetization-mode=1")), 0},
		{"a profile counts more than a mode", h264("42e01f", "1"), offering(video("video/H264", "packetization-mode=1"), video("video/H264", "profile-level-id=42e01f")), 1},
		{"mode 0 is mode 0, said without a profile too", h264("42e01f", "1"), offering(video("video/H264", "packetization-mode=0")), none},
		{"a stream without a mode may be mode 1", video("video/H264", "profile-level-id=42e01f"), offering(h264("42e01f", "0"), h264("42e01f", "1")), 1},

		{"VP9 profile 0 is the default", vp9, offering(video("video/VP9", "profile-id=2"), video("video/VP9", "profile-id=0")), 1},
		{"VP9 profiles are not nested", video("video/VP9", "profile-id=0"), offering(video("video/VP9", "profile-id=2")), none},
		{"AV1 Main", av1, offering(video("video/AV1", "level-idx=5;profile=1;tier=0"), video("video/AV1", "level-idx=5;profile=0;tier=0")), 1},
		{"AV1 High decoders play Main", av1, offering(video("video/AV1", "profile=1")), 0},
		{"AV1 Main decoders do not play High", video("video/AV1", "profile=1"), offering(av1), none},
		{"H.265 Main is the default", video("video/H265", ""), offering(video("video/H265", "level-id=93;profile-id=2"), video("video/H265", "level-id=93;profile-id=1;tx-mode=SRST")), 1},
		{"H.265 Main 10 decoders play Main", video("video/H265", "profile-id=1"), offering(video("video/H265", "profile-id=2")), 0},
		{"H.265 Main decoders do not play Main 10", video("video/H265", "profile-id=2"), offering(video("video/H265", "")), none},
		{"nothing on offer", vp8, offering(), none},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.offered.Match(tt.stream)
			switch {
			case tt.want == none && !errors.Is(err, negotiate.ErrNoCommonCodec):
				t.Errorf("got %v, error %v; want ErrNoCommonCodec", got, err)
			case tt.want != none && (err != nil || int(got.PayloadType) != tt.want):
				t.Errorf("got payload type %d, error %v; want %d", got.PayloadType, err, tt.want)
			}
		})
	}
}

func TestMatchAudio(t *testing.T) {
	opus := codec.Codec{MimeType: "audio/opus", ClockRate: 48000, Channels: 2}
	pcmu := codec.Codec{MimeType: "audio/PCMU", ClockRate: 8000}
	m := negotiate.Media{Mid: "0", Kind: "audio", Codecs: []negotiate.Format{
		{PayloadType: 9, Codec: codec.Codec{MimeType: "audio/G722", ClockRate: 8000, Channels: 1}},
		{PayloadType: 111, Codec: codec.Codec{MimeType: "audio/opus", ClockRate: 48000, Channels: 2, Fmtp: "minptime=10;useinbandfec=1"}},
	}}
	stereo := opus
	stereo.Fmtp = "stereo=1;sprop-stereo=1"
	for _, want := range []codec.Codec{opus, stereo} {
		if c, err := m.Match(want); err != nil || c.PayloadType != 111 {
			t.Errorf("Match(%+v) = %v, %v", want, c, err)
		}
	}
	if c, _ := m.Match(opus); c.Fmtp != "minptime=10;useinbandfec=1" {
		t.Errorf("the answer to a mono stream says %q", c.Fmtp)
	}
	if c, _ := m.Match(stereo); c.Fmtp != "minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1" {
		t.Errorf("the answer to a stereo stream says %q", c.Fmtp)
	}
	if c, err := m.Match(codec.Codec{MimeType: "audio/G722", ClockRate: 8000}); err != nil || c.PayloadType != 9 {
		t.Errorf("one channel is the default: got %v, %v", c, err)
	}
	if c, err := m.Match(pcmu); !errors.Is(err, negotiate.ErrNoCommonCodec) {
		t.Errorf("PCMU: got %v, %v", c, err)
	}
}

func TestMatchErrorNamesBothSides(t *testing.T) {
	m := mustParse(t, negotiate.Watch, string(fixture(t, "libdatachannel-recvonly"))).Media[1]
	_, err := m.Match(h264("640028", "1"))
	for _, part := range []string{"H264 High 4 mode 1", "H264 Constrained Baseline 3.1 mode 1", "m=video"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not name %q", err, part)
		}
	}
}

// What a publisher sends, each viewer of ours that can play it gets.
func TestMatchRealViewers(t *testing.T) {
	tests := []struct {
		viewer string
		stream codec.Codec
		want   uint8 // 0: cannot play it
	}{
		{"chromium-recvonly", h264("42c01f", "1"), 108},
		{"chromium-recvonly", h264("4d401f", "1"), 116},
		{"chromium-recvonly", h264("64001f", "1"), 41}, // only its High 4:4:4 decoder
		{"chromium-recvonly", video("video/VP9", "profile-id=2"), 100},
		{"chromium-recvonly", video("video/VP8", ""), 96},
		{"safari-recvonly", h264("42c01f", "1"), 98},
		{"safari-recvonly", h264("42e01f", "0"), 98},
		{"safari-recvonly", h264("64001f", "1"), 0},
		{"firefox-recvonly", h264("42c01f", "1"), 0}, // this build has no H.264
		{"firefox-recvonly", video("video/AV1", ""), 99},
	}
	for _, tt := range tests {
		o := mustParse(t, negotiate.Watch, string(fixture(t, tt.viewer)))
		i := 0
		if o.Media[1].Kind == "video" {
			i = 1
		}
		c, err := o.Media[i].Match(tt.stream)
		if c.PayloadType != tt.want || (err == nil) != (tt.want != 0) {
			t.Errorf("%s, %s: payload type %d, error %v; want %d", tt.viewer, tt.stream, c.PayloadType, err, tt.want)
		}
	}
}

func TestSupported(t *testing.T) {
	theora := video("video/theora", "")
	section := offering(theora, h264("42e01f", "2"), h264("42e01f", "0"), video("video/VP8", ""))
	if c, err := section.Supported(); err != nil || len(c) != 2 || c[0].PayloadType != 2 || c[1].MimeType != "video/VP8" {
		t.Errorf("got %v, %v; want what can be relayed, in order", c, err)
	}
	section.RIDs = []string{"h", "l"}
	if c, err := section.Supported(); err != nil || len(c) != 1 || c[0].PayloadType != 2 {
		t.Errorf("with simulcast got %v, %v; want the first alone", c, err)
	}
	many := make([]codec.Codec, 40)
	for i := range many {
		many[i] = video("video/VP8", "")
	}
	if c, err := offering(many...).Supported(); err != nil || len(c) != 12 {
		t.Errorf("of 40 codecs %d are accepted (%v); the answer has to stay small", len(c), err)
	}
	_, err := offering(theora).Supported()
	if !errors.Is(err, negotiate.ErrNoCommonCodec) || !strings.Contains(err.Error(), "offers theora; choose H264") {
		t.Errorf("error %v", err)
	}
	_, err = offering().Supported()
	if !errors.Is(err, negotiate.ErrNoCommonCodec) {
		t.Errorf("error %v", err)
	}
	// Timestamps of another rate than the codec's mean nothing to viewers.
	slow := negotiate.Media{Kind: "audio", Codecs: []negotiate.Format{{Codec: codec.Codec{MimeType: "audio/opus", ClockRate: 16_000, Channels: 2}}}}
	if _, err = slow.Supported(); !errors.Is(err, negotiate.ErrNoCommonCodec) || !strings.Contains(err.Error(), "offers opus/16000") {
		t.Errorf("error %v", err)
	}
	// A video codec in an audio section is nonsense.
	_, err = negotiate.Media{Kind: "audio", Codecs: []negotiate.Format{{Codec: codec.Codec{MimeType: "audio/H264"}}}}.Supported()
	if !errors.Is(err, negotiate.ErrNoCommonCodec) {
		t.Errorf("error %v", err)
	}
}

// Between RTP and RTCP on one port only the second byte decides, in which the marker bit
// stands before the payload type.
func TestPayloadTypesThatLookLikeRTCPAreNotTaken(t *testing.T) {
	format := func(payloadType, rtx uint8) negotiate.Format {
		return negotiate.Format{Codec: video("video/VP8", ""), PayloadType: payloadType, RTX: rtx}
	}
	media := func(codecs ...negotiate.Format) negotiate.Media {
		return negotiate.Media{Kind: "video", Codecs: codecs}
	}
	if got, err := media(format(77, 78), format(63, 64), format(96, 97)).Supported(); err != nil ||
		len(got) != 2 || got[0].PayloadType != 63 || got[0].RTX != 0 || got[1].PayloadType != 96 || got[1].RTX != 97 {
		t.Errorf("got %+v, error %v; want 63 without retransmissions, and 96", got, err)
	}
	_, err := media(format(64, 0), format(95, 0)).Supported()
	if !errors.Is(err, negotiate.ErrNoCommonCodec) || !strings.Contains(err.Error(), "payload type 95") || !strings.Contains(err.Error(), "96 to 127") {
		t.Errorf("got %v, want the number and the cure", err)
	}
}
