package negotiate_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"porthole/internal/negotiate"
)

// A description with more of something than is read is refused with the bound.
func TestBoundsAreNamed(t *testing.T) {
	text := offerText(negotiate.Watch)
	inSession := func(more string) string { return strings.Replace(text, "m=audio", more+"m=audio", 1) }
	for _, test := range []struct{ body, want string }{
		{text + strings.Repeat("a=x\r\n", 2000), "more than 2000 lines"},
		{text + "a=fmtp:96 " + strings.Repeat("x", 5000) + "\r\n", "a line has 4096 at most"},
		{text + strings.Repeat("m=audio 0 RTP/AVP 0\r\n", 40), "more than 32 sections"},
		{inSession(strings.Repeat("a=extmap:1 "+strings.Repeat("x", 1000)+"\r\n", 17)), "more than 16 KiB before its first section"},
	} {
		_, err := negotiate.ParseOffer(negotiate.Watch, []byte(test.body))
		if !errors.Is(err, negotiate.ErrUnusable) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("offer: %v, want %q", err, test.want)
		}
		_, err = negotiate.ParseFragment([]byte(test.body))
		if !errors.Is(err, negotiate.ErrUnusable) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("fragment: %v, want %q", err, test.want)
		}
	}
}

// Feedback that nobody here knows is neither kept nor handed on.
func TestOnlyKnownFeedbackIsKept(t *testing.T) {
	o := mustParse(t, negotiate.Watch, offerText(negotiate.Watch,
		"a=rtpmap:96 H264/90000", "a=rtcp-fb:96 nack 17\na=rtcp-fb:* nack\na=rtcp-fb:96 nack\na=rtcp-fb:* nack\na=rtpmap:96 H264/90000"))
	if got := o.Media[1].Codecs[0].Feedback; !slices.Equal(got, []string{"nack"}) {
		t.Errorf("feedback %q", got)
	}
	wantNone(t, o.SDP, "nack 17")
	if n := strings.Count(o.SDP, "rtcp-fb:* nack"); n != 1 {
		t.Errorf("%d lines for all payload types, want 1", n)
	}
}
