package whep

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"porthole/internal/codec"
	"porthole/internal/negotiate"
)

// track is a section of the offer that the stream has something for, or may have yet.
type track struct {
	kind     codec.Kind
	media    negotiate.Media
	format   negotiate.Format // the payload type to send
	foreseen codec.Codec      // for sound that the stream does not have yet; else zero
}

// foreseen is what sound will be when it comes to a stream without: Opus is what
// browsers, OBS and FFmpeg publish. It is announced as stereo, because a player that
// was told so plays mono as well, and the other way round makes mono of stereo.
//
// A picture is not foreseen. Which of many codecs it will be is a guess, and browsers
// hold the sound back from a player whose picture does not come.
var foreseen = codec.Codec{MimeType: "audio/opus", ClockRate: 48_000, Channels: 2, Fmtp: "stereo=1;sprop-stereo=1"} //nolint:gochecknoglobals // a constant that the language has no form for

// match finds, by mid, the sections that can be sent. Sound that the stream does not
// have yet is foreseen: its track is silent until then. A picture that it does not have
// is left out, and so is audio that the viewer cannot decode when there is a picture:
// browsers always offer both. A picture that it cannot decode refuses the offer, since a
// player with sound and a black rectangle tells nobody what is wrong.
func match(offer *negotiate.Offer, sent []codec.Codec) (map[string]track, error) {
	tracks := make(map[string]track)
	var faults []error
	for _, media := range offer.Media {
		i := slices.IndexFunc(sent, func(c codec.Codec) bool { return c.Kind().String() == media.Kind })
		if !media.Flows() || i < 0 {
			continue
		}
		kind := sent[i].Kind()
		format, err := media.Match(sent[i])
		switch {
		case err == nil:
			tracks[media.Mid] = track{kind: kind, media: media, format: format}
		case kind == codec.Video:
			return nil, err
		default:
			faults = append(faults, err)
		}
	}
	if len(tracks) > 0 {
		foresee(offer, sent, tracks)
		return tracks, nil
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return nil, fmt.Errorf("%w: the stream sends %s only, which is not in the offer", negotiate.ErrNoCommonCodec, list(sent))
}

// foresee adds the track of the sound that may come, if the offer has one for it.
func foresee(offer *negotiate.Offer, sent []codec.Codec, tracks map[string]track) {
	if has(sent, codec.Audio) {
		return
	}
	for _, media := range offer.Media {
		if format, err := media.Match(foreseen); err == nil && media.Flows() {
			tracks[media.Mid] = track{kind: codec.Audio, media: media, format: format, foreseen: foreseen}
		}
	}
}

// has tells whether one of the codecs is of a kind.
func has(codecs []codec.Codec, kind codec.Kind) bool {
	return slices.ContainsFunc(codecs, func(c codec.Codec) bool { return c.Kind() == kind })
}

// list names the kinds of what is sent.
func list(sent []codec.Codec) string {
	var kinds []string
	for _, c := range sent {
		kinds = append(kinds, c.Kind().String())
	}
	return strings.Join(kinds, " and ")
}

// accepts tells whether another codec, of a later publisher, can be sent in this
// section without a new offer: under the same payload type.
func (t track) accepts(c codec.Codec) bool {
	format, err := t.media.Match(c)
	return err == nil && format.PayloadType == t.format.PayloadType
}
