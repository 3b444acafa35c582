package encode

import (
	"porthole/capture/media"
	"porthole/internal/codec"
)

const (
	// VideoRate is the RTP clock of video (RFC 6184 §8.1).
	VideoRate = 90000

	opusBitrate = 64_000
)

// H264 is what the video encoders make, as far as is known before they do.
func H264() codec.Codec {
	return codec.Codec{
		MimeType: "video/H264", ClockRate: VideoRate, Fmtp: h264Fmtp("42e01f"),
	}
}

func h264Fmtp(profileLevelID string) string {
	return "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=" + profileLevelID
}

// Opus is what the audio encoders make.
func Opus() codec.Codec {
	return codec.Codec{
		MimeType: "audio/opus", ClockRate: media.SampleRate, Channels: 2, // always 2 in SDP (RFC 7587 §7)
		Fmtp: "minptime=10;useinbandfec=1",
	}
}
