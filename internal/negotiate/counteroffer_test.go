package negotiate_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"porthole/internal/codec"
	"porthole/internal/negotiate"
)

// counter returns an offer of H.264 and Opus.
func counter(t testing.TB) *negotiate.Offer {
	t.Helper()
	o, err := negotiate.NewCounterOffer([]codec.Codec{
		{MimeType: "audio/opus", ClockRate: 48000, Channels: 2},
		{MimeType: "video/H264", ClockRate: 90000, Fmtp: "packetization-mode=1;profile-level-id=42e01f;sprop-parameter-sets=Z0LA,aM4="},
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestNewCounterOffer(t *testing.T) {
	o := counter(t)
	if len(o.Media) != 2 || o.Media[0].Kind != "audio" || o.Media[1].Kind != "video" || o.Media[0].Mid == o.Media[1].Mid {
		t.Fatalf("media %+v", o.Media)
	}
	video := o.Media[1].Codecs[0]
	if video.RTX == 0 || video.RTX == video.PayloadType || video.PayloadType == o.Media[0].Codecs[0].PayloadType ||
		strings.Contains(video.Fmtp, "sprop") || !slices.Contains(video.Feedback, "nack pli") {
		t.Errorf("video %+v", video)
	}
	for mime, want := range map[string]uint8{"audio/PCMU": 0, "audio/PCMA": 8, "audio/G722": 9} {
		o, err := negotiate.NewCounterOffer([]codec.Codec{{MimeType: mime, ClockRate: 8000}})
		if err != nil || o.Media[0].Codecs[0].PayloadType != want {
			t.Errorf("%s: %+v, %v", mime, o, err)
		}
	}
	if _, err := negotiate.NewCounterOffer(nil); !errors.Is(err, negotiate.ErrNoCommonCodec) {
		t.Errorf("nothing to offer: %v", err)
	}
	if _, err := negotiate.NewCounterOffer([]codec.Codec{{MimeType: "text/t140"}}); err == nil {
		t.Error("text is offered")
	}
}

const counterAnswer = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n" +
	"a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n" +
	"a=fingerprint:sha-256 AA:BB\r\na=setup:active\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n" +
	"m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=recvonly\r\na=rtcp-mux\r\n" +
	"a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1;profile-level-id=42e01f\r\na=rtcp-fb:96 nack\r\n" +
	"a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"

func TestParseAnswer(t *testing.T) {
	o := counter(t)
	a, err := o.ParseAnswer([]byte(counterAnswer))
	if err != nil {
		t.Fatal(err)
	}
	if a.Ufrag != "abcd" || a.Pwd == "" || len(a.Media) != 2 {
		t.Fatalf("answer %+v", a)
	}
	video := a.Media[1]
	if video.Codecs[0].RTX == 0 || !slices.Equal(video.Codecs[0].Feedback, []string{"nack"}) || len(video.Extensions) != 1 {
		t.Errorf("video %+v", video)
	}
	if len(a.Media[0].Extensions) != 0 || len(o.Media[1].Extensions) != 4 {
		t.Errorf("audio %+v, offered %+v", a.Media[0], o.Media[1])
	}
	replaced := func(old, with string) string {
		if !strings.Contains(counterAnswer, old) {
			t.Fatalf("no %q in the answer", old)
		}
		return strings.ReplaceAll(counterAnswer, old, with)
	}
	for name, tt := range map[string]struct {
		body string
		want error
		left int // sections that are taken
	}{
		"without retransmission":     {body: replaced("96 97\r\n", "96\r\n"), left: 2},
		"one section rejected":       {body: replaced("m=audio 9", "m=audio 0"), left: 1},
		"passive":                    {body: replaced("setup:active", "setup:passive"), left: 2},
		"undecided":                  {body: replaced("setup:active", "setup:actpass"), want: negotiate.ErrMalformed},
		"sending":                    {body: replaced("a=recvonly", "a=sendonly"), want: negotiate.ErrUnusable},
		"sections in another order":  {body: replaced("a=mid:0", "a=mid:2"), want: negotiate.ErrUnusable},
		"another kind":               {body: replaced("m=audio", "m=application"), want: negotiate.ErrMalformed},
		"another payload type":       {body: strings.ReplaceAll(replaced("SAVPF 111", "SAVPF 112"), "rtpmap:111", "rtpmap:112"), want: negotiate.ErrNoCommonCodec},
		"another codec":              {body: replaced("H264/90000", "VP8/90000"), want: negotiate.ErrNoCommonCodec},
		"no credentials":             {body: replaced("a=ice-ufrag:abcd\r\n", ""), want: negotiate.ErrMalformed},
		"no fingerprint":             {body: replaced("a=fingerprint:sha-256 AA:BB\r\n", ""), want: negotiate.ErrMalformed},
		"a section less":             {body: counterAnswer[:strings.Index(counterAnswer, "m=video")], want: negotiate.ErrMalformed},
		"empty":                      {want: negotiate.ErrMalformed},
		"no RTP and RTCP on a port":  {body: replaced("a=rtcp-mux\r\n", ""), want: negotiate.ErrUnusable},
		"rejected, and without mid":  {body: strings.Replace(replaced("m=audio 9", "m=audio 0"), "a=mid:0\r\n", "", 1), left: 1},
		"accepted, and without mid":  {body: strings.Replace(counterAnswer, "a=mid:0\r\n", "", 1), want: negotiate.ErrMalformed},
		"two sections with one name": {body: replaced("a=mid:1", "a=mid:0"), want: negotiate.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := o.ParseAnswer([]byte(tt.body))
			if !errors.Is(err, tt.want) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			if err == nil && len(a.Media) != tt.left {
				t.Errorf("%d sections are taken", len(a.Media))
			}
		})
	}
}

// SDP-18 and ICE-18 for offers: candidates stand in one place, the best one first.
func TestFinishOffer(t *testing.T) {
	o := counter(t)
	text := "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n" +
		"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n" +
		"a=candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype passive\r\na=candidate:2 1 udp 2 192.0.2.1 9 typ host\r\n" +
		"a=candidate:2 2 udp 2 192.0.2.1 9 typ host\r\n" +
		"m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=candidate:2 1 udp 2 192.0.2.1 9 typ host\r\n"
	desc, err := described(text)
	if err != nil {
		t.Fatal(err)
	}
	got, err := o.FinishOffer(desc)
	if err != nil {
		t.Fatal(err)
	}
	udp, tcp := strings.Index(got, "candidate:2 1 udp"), strings.Index(got, "candidate:1 1 tcp")
	if strings.Count(got, "a=candidate:") != 2 || udp < 0 || tcp < udp || tcp > strings.Index(got, "m=video") ||
		!strings.Contains(got, "a=ice-options:trickle ice2\r\n") || !strings.Contains(got, "a=group:BUNDLE 0 1\r\n") {
		t.Errorf("offer:\n%s", got)
	}
	if desc, err = described(text[:strings.Index(text, "m=")]); err != nil {
		t.Fatal(err)
	}
	if _, err := o.FinishOffer(desc); err == nil {
		t.Error("no sections: no error")
	}
}

// Whatever is sent, the answer is an error of ours or one that takes no more than
// was offered.
func FuzzParseAnswer(f *testing.F) {
	f.Add([]byte(counterAnswer))
	f.Add([]byte(strings.ReplaceAll(counterAnswer, "m=audio 9", "m=audio 0")))
	f.Add([]byte("hello"))
	o := counter(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := o.ParseAnswer(body)
		if err != nil {
			for _, known := range []error{negotiate.ErrMalformed, negotiate.ErrUnusable, negotiate.ErrNoCommonCodec} {
				if errors.Is(err, known) {
					return
				}
			}
			t.Fatalf("error %v is of no known kind", err)
		}
		if len(a.Media) == 0 || len(a.Media) > len(o.Media) || a.Ufrag == "" || a.Pwd == "" {
			t.Fatalf("answer %+v", a)
		}
	})
}
