package whep

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"porthole/internal/broadcast"
	"porthole/internal/negotiate"
)

// track is a section of the offer that the stream has something for.
type track struct {
	kind  broadcast.Kind
	media negotiate.Media
	codec negotiate.Codec // the payload type to send
}

// match finds, by mid, the sections that can be sent. A section of a kind that the
// stream does not have is left out, and so is audio that the viewer cannot decode
// when there is a picture: browsers always offer both. A picture that it cannot
// decode refuses the offer, since a player with sound and a black rectangle tells
// nobody what is wrong.
func match(offer *negotiate.Offer, sent []broadcast.Codec) (map[string]track, error) {
	tracks := make(map[string]track)
	var faults []error
	for _, media := range offer.Media {
		i := slices.IndexFunc(sent, func(c broadcast.Codec) bool { return c.Kind().String() == media.Kind })
		if !media.Flows() || i < 0 {
			continue
		}
		kind := sent[i].Kind()
		codec, err := media.Match(offered(sent[i]))
		switch {
		case err == nil:
			tracks[media.Mid] = track{kind: kind, media: media, codec: codec}
		case kind == broadcast.Video:
			return nil, err
		default:
			faults = append(faults, err)
		}
	}
	if len(tracks) > 0 {
		return tracks, nil
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return nil, fmt.Errorf("%w: the stream sends %s only, which is not in the offer", negotiate.ErrNoCommonCodec, list(sent))
}

// list names the kinds of what is sent.
func list(sent []broadcast.Codec) string {
	var kinds []string
	for _, c := range sent {
		kinds = append(kinds, c.Kind().String())
	}
	return strings.Join(kinds, " and ")
}

// offered says what the stream sends in the words of an offer.
func offered(c broadcast.Codec) negotiate.Codec {
	return negotiate.Codec{MimeType: c.MimeType, ClockRate: c.ClockRate, Channels: c.Channels, Fmtp: c.Fmtp}
}

// accepts tells whether another codec, of a later publisher, can be sent in this
// section without a new offer: under the same payload type.
func (t track) accepts(c broadcast.Codec) bool {
	codec, err := t.media.Match(offered(c))
	return err == nil && codec.PayloadType == t.codec.PayloadType
}
