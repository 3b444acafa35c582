package encode

import (
	"log/slog"

	"porthole/capture/media"
	"porthole/capture/source"
	"porthole/internal/codec"
	"porthole/internal/panics"
)

// Standby says what a source that is off will send; sound says whether it will have any. The profile of the video is read from what an encoder makes of a
// blank picture, as the heart reads it from what is really sent: players choose their decoder by it.
func Standby(spec source.Spec, sound bool, c Library, log *slog.Logger) []codec.Codec {
	video := H264()
	err := panics.AsError(log, "an encoder", func() error {
		profile, err := probeProfile(spec, c)
		if profile != "" {
			video.Fmtp = h264Fmtp(profile)
		}
		return err
	})
	if err != nil {
		log.Warn("the encoder could not be tried", "error", err)
	}
	list := []codec.Codec{video}
	if sound {
		list = append(list, Opus())
	}
	return list
}

// probeProfile returns the profile-level-id (RFC 6184 §8.1) of what the encoder makes; "" where it does not tell.
func probeProfile(spec source.Spec, c Library) (string, error) {
	spec.Width, spec.Height = spec.Edits.Shown(spec.Width, spec.Height)
	encoder, err := c.NewVideo(Params{
		Width: spec.Width, Height: spec.Height, FPS: float64(spec.FPS), Bitrate: spec.Bitrate,
	})
	if err != nil {
		return "", err
	}
	defer func() { _ = encoder.Close() }()
	var blank media.Picture
	blank.Resize(spec.Width, spec.Height)
	media.Fill(blank.Y, media.LumaGrey)
	media.Fill(blank.U, 128)
	media.Fill(blank.V, 128)
	unit, err := encoder.Encode(&blank, true)
	if err != nil {
		return "", err
	}
	for _, nal := range codec.SplitAnnexB(nil, unit) {
		if sps, ok := codec.FindSPS(nal); ok {
			return sps.ProfileLevelID, nil
		}
	}
	return "", nil
}
